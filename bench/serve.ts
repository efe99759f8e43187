/**
 * Tokens a CPU-second while 1, 4 and 8 streams are answered: our engine, node-llama-cpp called directly, and llama.cpp's own server.
 * Same model file, prompts, lengths and threads; in turns, in one run. What a side's processes spend counts, reading the prompts too.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { driver } from '#platform/inference/engines/llama-cpp.ts';
import type { ServedVersion } from '#platform/inference/engine.ts';
import { greedyRequest } from '#platform/inference/greedy-request.ts';
import { demoModelGguf } from '../tests/demo-model.ts';
import type { Figure } from './report.ts';
import { openDirect, openLlamaServer } from './serve-others.ts';
import type { Cost, Setting, Side } from './serve-side.ts';

const streamCounts = [1, 4, 8];
const rounds = 3;
const goal = 0.9;

export async function run(): Promise<Figure[]> {
  const threads = Math.max(1, availableParallelism() - 1);
  const setting: Setting = { modelFile: demoModelGguf(), threads, slots: 8, context: 2048, length: 64 };
  const sides: Side[] = [];
  try {
    for (const open of [openOurs, openDirect, openLlamaServer]) sides.push(await open(setting));
    await turn(sides, 1, 'warm up');
    const figures: Figure[] = [];
    for (const streams of streamCounts) figures.push(...(await compare(sides, streams)));
    return figures;
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

/** The median of each side over all rounds, so that a disturbed round does not count. */
async function compare(sides: Side[], streams: number): Promise<Figure[]> {
  const speeds = sides.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    const costs = await turn(sides, streams, `round ${round}`);
    costs.forEach(({ tokens, cpuSeconds }, index) => speeds[index]!.push(tokens / cpuSeconds));
  }
  const medians = speeds.map((values) => values.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!);
  const better = Math.max(...medians.slice(1));
  const many = `${streams} stream${streams === 1 ? '' : 's'}`;
  return [
    ...sides.map(({ name }, index) => ({ name: `${many}: ${name}`, value: rounded(medians[index]!), unit: 'tokens/CPU-s' })),
    {
      name: `${many}: ours / the better`,
      value: rounded(medians[0]! / better),
      unit: 'x',
      goal: `>= ${goal}`,
      holds: medians[0]! / better >= goal,
    },
  ];
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Prompts differ from their first word on, in every round: nothing can be had from a cache. */
async function turn(sides: Side[], streams: number, round: string): Promise<Cost[]> {
  const prompts = Array.from(
    { length: streams },
    (_, index) =>
      `<|im_start|>user\n${streams}.${index}, ${round}. Tell me a long story about a fox that travels.<|im_end|>\n<|im_start|>assistant\n`,
  );
  const costs: Cost[] = [];
  for (const side of sides) costs.push(await side.answer(prompts));
  return costs;
}

/** Through the Engine interface; the platform's side of it counts as well as the engine's process. */
async function openOurs({ modelFile, threads, slots, context, length }: Setting): Promise<Side> {
  const engine = await driver.open({ threads, slots, context, versions: 1, queue: 64 });
  const version: ServedVersion = { id: 'base', base: 'base', baseFile: modelFile, adapter: null };
  await engine.load(version);
  const ends = (await Promise.all(['<|im_end|>', '<|endoftext|>'].map((text) => engine.tokenize(version, text, true)))).flat();
  const cpuSeconds = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6 + cpuSecondsOf(engine.pid!);
  };
  const one = async (prompt: string): Promise<number> => {
    const request = greedyRequest(version, await engine.tokenize(version, prompt, true), length);
    // No answer may end early.
    request.logitBias = Object.fromEntries(ends.map((token) => [token, -100]));
    let tokens = 0;
    for await (const event of engine.generate(request, new AbortController().signal)) {
      if (event.type === 'text-end') tokens = event.completionTokens;
    }
    return tokens;
  };
  return {
    name: 'ours',
    answer: async (prompts) => {
      const before = cpuSeconds();
      const counts = await Promise.all(prompts.map(one));
      return { tokens: counts.reduce((sum, count) => sum + count, 0), cpuSeconds: cpuSeconds() - before };
    },
    close: () => engine.close(),
  };
}

/** User and system time of all threads of a process: fields 14 and 15 of /proc/PID/stat, in hundredths of a second. Linux only. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
