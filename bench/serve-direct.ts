/** node-llama-cpp without us: a process that answers the prompts it is sent, with what that cost it. */
import { getLlama } from 'node-llama-cpp';
import type { Cost, Setting } from './serve-side.ts';

const setting = JSON.parse(process.argv[2]!) as Setting;
const llama = await getLlama({ build: 'never', gpu: false, skipDownload: true });
const model = await llama.loadModel({ modelPath: setting.modelFile });
const context = await model.createContext({ sequences: setting.slots, contextSize: setting.context, threads: setting.threads });
const sequences = Array.from({ length: setting.slots }, () => context.getSequence());

async function one(prompt: string, index: number): Promise<number> {
  const sequence = sequences[index]!;
  await sequence.clearHistory();
  let tokens = 0;
  // Greedy is the library's default; the end token is one as any other.
  for await (const token of sequence.evaluate(model.tokenize(prompt, true), { temperature: 0, yieldEogToken: true })) {
    model.detokenize([token]);
    if (++tokens === setting.length) break;
  }
  return tokens;
}

async function answer(prompts: string[]): Promise<Cost> {
  const before = process.cpuUsage();
  const counts = await Promise.all(prompts.map(one));
  const { user, system } = process.cpuUsage(before);
  return { tokens: counts.reduce((sum, count) => sum + count, 0), cpuSeconds: (user + system) / 1e6 };
}

process.on('message', (prompts: string[]) => void answer(prompts).then((cost) => process.send!(cost)));
process.send!('ready');
