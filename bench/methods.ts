/** Methods and adapters on one short task, brief answers instead of long ones: its own metric, what it answers then, time and memory. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdapterType } from '#contract/adapter.ts';
import { Method, rowKindsOf } from '#contract/method.ts';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { streamChat } from '#platform/cli/chat-stream.ts';
import { Client } from '#platform/cli/client.ts';
import { followRun } from '#platform/cli/follow-run.ts';
import { projectRoot } from '#platform/config.ts';
import { withQuietPlatform } from '../tests/running-platform.ts';
import { type Figure, table } from './report.ts';

const model = 'smollm2-135m-instruct';
const data = join(projectRoot, 'examples/data');
const prompt_tuning_init_text = 'Answer the question in a few words, as briefly as it can be answered:';
const adapters: Record<string, { type?: AdapterType; [option: string]: unknown }> = {
  lora: { r: 16 },
  rslora: { r: 16, use_rslora: true, lora_alpha: 16 },
  qlora: { r: 16, quantization: 'nf4' },
  dora: { r: 16, use_dora: true },
  ia3: { type: 'ia3' },
  'prompt tuning': { type: 'prompt_tuning', num_virtual_tokens: 20, prompt_tuning_init_text },
  'prefix tuning': { type: 'prefix_tuning', num_virtual_tokens: 20 },
  'adaption prompt': { type: 'adaption_prompt' },
  full: { type: 'full' },
};
/** What is trained with every LoRA; the other methods, whose adapter is the same thing to them, with the plain one. */
const everywhere = new Set<Method['type']>(['supervised', 'dpo']);
/** Which methods go with an adapter. */
const isTried = (name: string, type: Method['type']): boolean =>
  name === 'lora' || (name === 'rslora' || name === 'qlora' ? everywhere.has(type) : type === 'supervised');
/** Rows of KTO are two a pair, and GRPO draws its answers itself: one epoch takes as long as two of the others. */
const slow = new Set<Method['type']>(['kto', 'grpo']);
const listed = (flag: string): string[] | undefined =>
  process.argv
    .find((word) => word.startsWith(flag))
    ?.slice(flag.length)
    .split(',');
/** `--only=dpo,kto` runs these methods alone, `--adapters=lora,ia3` these adapters. */
const only = listed('--only=');
const onlyAdapters = listed('--adapters=');
/** PPO is nothing without a reward model. */
const isAsked = (type: string): boolean => only?.includes(type) === true || (type === 'reward' && only?.includes('ppo') === true);
const methods = Method.options.map((option) => option.shape.type.value).filter((type) => only === undefined || isAsked(type));
const longestAnswer = 48;
/** What a method needs to be told, and how long it trains, where that is not as for the others. */
const options: Partial<Record<Method['type'], object>> = {
  grpo: { num_generations: 4, max_completion_tokens: 24 },
  ppo: { max_completion_tokens: 24, num_ppo_epochs: 2 },
  constitutional: {
    max_completion_tokens: longestAnswer,
    principles: [{ rule: 'An answer is one short sentence of at most ten words.', violation: { type: 'length', most_words: 10 } }],
  },
};

interface Pair {
  input: { messages: { role: 'user'; content: string }[] };
  preferred_output: object[];
}
interface Files {
  training_file: string;
  validation_file: string;
}
type Kind = 'pairs' | 'chats' | 'questions';

const readPairs = (name: string): Pair[] =>
  readFileSync(join(data, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Pair);

/** The pairs as they are, for supervised training the chats that end with the preferred answer, and the questions alone. */
async function upload(client: Client, dataDir: string): Promise<Record<Kind, Files>> {
  const names = { training_file: 'brief-answers', validation_file: 'brief-answers-validation' };
  const files = { pairs: {}, chats: {}, questions: {} } as Record<Kind, Files>;
  for (const [field, name] of Object.entries(names) as [keyof Files, string][]) {
    const chats = join(dataDir, `${name}-chats.jsonl`);
    const rows = readPairs(name).map(({ input, preferred_output }) => ({ messages: [...input.messages, ...preferred_output] }));
    writeFileSync(chats, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    files.pairs[field] = (await client.upload(join(data, `${name}.jsonl`), 'fine-tune')).id;
    files.chats[field] = (await client.upload(chats, 'fine-tune')).id;
    files.questions[field] = (await client.upload(join(data, `${name.replace('answers', 'questions')}.jsonl`), 'fine-tune')).id;
  }
  return files;
}

/** Mean words of the greedy answers to the held-out questions, cut at so many tokens. */
async function meanWords(client: Client, asked: string): Promise<number> {
  const questions = readPairs('brief-answers-validation').map(({ input }) => input.messages);
  const answers = await Promise.all(
    questions.map((messages) => streamChat(client, { model: asked, messages, temperature: 0, max_tokens: longestAnswer }, () => undefined)),
  );
  const words = answers.map(({ content }) => content.trim().split(/\s+/).length);
  return words.reduce((sum, count) => sum + count, 0) / words.length;
}

async function train(
  client: Client,
  files: Files,
  type: Method['type'],
  adapter: object,
  judge: string | null,
): Promise<TrainingRun & { told: Record<string, unknown>[] }> {
  const method = { type, ...options[type], ...(type === 'ppo' && { reward_model: judge }) };
  const extensions = {
    method,
    adapter: { type: 'lora', ...adapter },
    n_epochs: slow.has(type) ? 1 : type === 'ppo' ? 3 : 2,
    batch_size: 4,
    eval_steps: 4,
    probes: { enabled: false },
  };
  const { id } = await client.create<{ id: string }>('/v1/fine_tuning/jobs', { model, ...files, seed: 7, extensions });
  for await (const _ of followRun(client, id));
  const run = await client.ask<TrainingRun>(`/api/v1/training/jobs/${id}`);
  if (run.status !== 'succeeded') throw new Error(`${type}: ${run.failure?.message}`);
  const events = await client.ask<{ data: TrainingRunEvent[] }>(`/api/v1/training/jobs/${id}/events`, { query: { limit: 1000 } });
  const of = (name: string) => events.data.filter(({ event }) => event === name).map((event) => event.data);
  return { ...run, told: [of('run-evaluated').at(-1)!, of('run-evaluated')[0]!, of('run-ended')[0]!] };
}

export async function run(): Promise<Figure[]> {
  return withQuietPlatform(async (platform) => {
    const { dataDir } = platform;
    const client = new Client(platform.url, platform.key);
    const files = await upload(client, dataDir);
    const before = await meanWords(client, model);
    const figures: Figure[] = [{ name: 'words an answer, base model', value: before, unit: 'words' }];
    let judge: string | null = null;
    for (const [name, adapter] of Object.entries(adapters)) {
      if (onlyAdapters && !onlyAdapters.includes(name)) continue;
      for (const type of methods.filter((each) => isTried(name, each))) {
        const trained = await train(client, files[rowsOf(type)], type, adapter, judge);
        const model = trained.fine_tuned_model!;
        // A reward model gives no answers; it is what PPO, which comes after it, is trained with.
        if (type === 'reward') judge = model;
        const after = type === 'reward' ? null : await meanWords(client, model);
        const found = figuresOf(`${name} × ${type}`, trained.told, before, after);
        // All cells take most of an hour: those that are done are seen.
        console.error(table(found));
        figures.push(...found);
      }
    }
    return figures;
  });
}

function rowsOf(type: Method['type']): Kind {
  // Graders hold answers against those of the chats.
  if (type !== 'grpo' && rowKindsOf[type].includes('prompt')) return 'questions';
  return rowKindsOf[type].includes('chat') ? 'chats' : 'pairs';
}

/** `after` is null for what cannot be asked. */
function figuresOf(cell: string, [first, last, ended]: Record<string, unknown>[], before: number, after: number | null): Figure[] {
  const [firstLoss, lastLoss] = [Number(first!['full_valid_loss']), Number(last!['full_valid_loss'])];
  const metrics = last!['metrics'] as Record<string, number>;
  const { 'rewards/accuracies': accuracy, reward, violation_rate: violations, 'violation_rate/before': violationsBefore } = metrics;
  // A preference need not show in words: what was rejected is less likely, and something else than the preferred answer may take its place.
  // A reward model may have learnt something else than brevity, and who is trained by it then learns that.
  const isByWords = accuracy === undefined && !cell.endsWith('ppo');
  const shorter = isByWords && after !== null ? { goal: `< ${before.toFixed(1)}`, holds: after < before } : {};
  return [
    { name: `${cell}: held-out loss after 4 steps`, value: firstLoss, unit: 'nats' },
    { name: `${cell}: held-out loss at the end`, value: lastLoss, unit: 'nats', goal: 'not above', holds: lastLoss <= firstLoss },
    ...(accuracy === undefined
      ? []
      : [
          {
            name: `${cell}: reward margin`,
            value: metrics['rewards/margins']!,
            unit: '',
            goal: '> 0',
            holds: metrics['rewards/margins']! > 0,
          },
          { name: `${cell}: told apart`, value: accuracy, unit: 'share', goal: '> 0.5', holds: accuracy > 0.5 },
        ]),
    ...(reward === undefined ? [] : [{ name: `${cell}: reward`, value: reward, unit: '' }]),
    ...(violations === undefined
      ? []
      : [
          { name: `${cell}: violations of the base model`, value: violationsBefore!, unit: 'share' },
          { name: `${cell}: violations`, value: violations, unit: 'share', goal: 'fewer', holds: violations < violationsBefore! },
        ]),
    ...(after === null ? [] : [{ name: `${cell}: words an answer`, value: after, unit: 'words', ...shorter }]),
    { name: `${cell}: run`, value: Number(ended!['seconds']), unit: 's' },
    { name: `${cell}: peak memory`, value: Number(ended!['peak_memory_bytes']) / 2 ** 20, unit: 'MiB' },
  ];
}
