/** Rounds of faults: what is done in each follows from the seed and the number of the round alone. */
import { setTimeout as wait } from 'node:timers/promises';
import type { FileObject } from '#contract/openai/files.ts';
import { chat, promote, train, upload, type Stage } from './actors.ts';
import { Client } from './client.ts';
import { faults, type Fault } from './faults.ts';
import { checkInvariants } from './invariants.ts';
import { Oracle } from './oracle.ts';
import { Random } from './random.ts';
import { baseModel, World, type WorldKind } from './world.ts';

export interface RoundsOptions {
  seed: number;
  /** The first round; 1 is the first of all. */
  from: number;
  rounds: number;
  say(line: string): void;
  /** Aborted: the round that goes on is the last one. */
  signal?: AbortSignal;
}

export interface Tally {
  rounds: number;
  acknowledged: number;
  runs: number;
  resumed: number;
  streams: number;
  repeats: number;
  /** How often each was done. */
  faults: Map<string, number>;
}

/** A world lasts so many rounds: what was acknowledged in one must stand after the faults of those that follow. */
const roundsOfWorld = 10;
const kinds: WorldKind[] = [
  { database: 'pglite', engine: 'scripted' },
  { database: 'postgres', engine: 'llama-cpp' },
  { database: 'pglite', engine: 'llama-cpp' },
  { database: 'postgres', engine: 'scripted' },
];

/** Throws with seed, round and what was lost when an invariant does not hold. */
export async function runRounds({ seed, from, rounds, say, signal }: RoundsOptions): Promise<Tally> {
  const tally: Tally = { rounds: 0, acknowledged: 0, runs: 0, resumed: 0, streams: 0, repeats: 0, faults: new Map() };
  let adapterSha256: string | null = null;
  for (let round = from; round < from + rounds && !signal?.aborted;) {
    const number = Math.floor((round - 1) / roundsOfWorld);
    const last = Math.min(from + rounds, (number + 1) * roundsOfWorld + 1);
    const world = await World.open(kinds[number % kinds.length]!);
    const oracle = new Oracle();
    oracle.adapterSha256 = adapterSha256;
    const client = new Client(world.url, world.key);
    try {
      const trainingFile = await prepare(world, client);
      if (adapterSha256 === null) adapterSha256 = await undisturbed({ world, client, oracle, trainingFile, say });
      for (; round < last && !signal?.aborted; round++) {
        await runRound({ world, client, oracle, round, trainingFile, random: new Random(seed, round) }, tally, say).catch(
          (error: unknown) => {
            throw new Error(`seed ${seed}, round ${round}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
          },
        );
      }
    } finally {
      await world.close();
    }
    tally.acknowledged += oracle.acknowledged;
    tally.runs += oracle.runs.length;
    tally.streams += oracle.streams.length;
    tally.repeats += client.repeats;
  }
  return tally;
}

/** The base model is pulled and the rows are uploaded; nothing is done to the platform yet. */
async function prepare(world: World, client: Client): Promise<string> {
  await (await client.fetch(`/api/v1/models/${baseModel}/pull`, { method: 'POST', signal: AbortSignal.timeout(120_000) })).text();
  const form = new FormData();
  form.set('purpose', 'fine-tune');
  form.set('file', new Blob([trainingRows()]), 'rows.jsonl');
  return (await client.ask<FileObject>('/v1/files', { body: form })).body.id;
}

type Calm = Pick<Stage, 'world' | 'client' | 'oracle' | 'trainingFile'> & { say: RoundsOptions['say'] };

/** The adapter that every other run must make, too. */
async function undisturbed({ say, ...calm }: Calm): Promise<string | null> {
  const startedMs = performance.now();
  // Nobody steers it.
  const stage: Stage = { ...calm, round: 0, random: new Random('calm') };
  stage.random.chance = () => false;
  await train(stage, 0);
  await checkInvariants(calm.world, calm.client, calm.oracle, { round: 0, faults: [] });
  say(`round    0  nothing is disturbed · adapter ${calm.oracle.adapterSha256?.slice(0, 12)} · ${seconds(startedMs)}`);
  return calm.oracle.adapterSha256;
}

async function runRound(stage: Stage, tally: Tally, say: RoundsOptions['say']): Promise<void> {
  const { world, client, oracle, random, round } = stage;
  const startedMs = performance.now();
  const before = { acknowledged: oracle.acknowledged, runs: oracle.runs.length, streams: oracle.streams.length };
  const planned = planFaults(world, random);
  const names = planned.map(({ fault }) => fault.name);
  const doing = planned.map(async ({ fault, atMs, random: own }) => {
    await wait(atMs);
    await fault.act(world, own);
  });
  // Each actor has choices of its own: how long another takes changes none of them.
  const of = (what: string, number: number): Stage => ({ ...stage, random: new Random(round, what, number, random.next()) });
  const acting = [
    ...times(random.between(1, 2), (number) => train(of('train', number), number)),
    ...times(random.between(1, 3), (number) => upload(of('upload', number), number)),
    ...times(random.between(1, 3), (number) => chat(of('chat', number))),
    ...times(random.between(0, 1), (number) => promote(of('promote', number))),
  ];
  const ended = Promise.allSettled(acting);
  await Promise.all(doing);
  await world.heal();
  for (const result of await ended) if (result.status === 'rejected') throw result.reason;
  const { resumed } = await checkInvariants(world, client, oracle, { round, faults: names });
  for (const name of names) tally.faults.set(name, (tally.faults.get(name) ?? 0) + 1);
  tally.rounds++;
  tally.resumed += resumed;
  const what = planned.map(({ fault, atMs }) => `${fault.name} ${atMs} ms`).join(', ');
  const counts = [
    `${oracle.acknowledged - before.acknowledged} acknowledged`,
    `${oracle.runs.length - before.runs} runs, ${resumed} resumed`,
    `${oracle.streams.length - before.streams} streams`,
  ].join(', ');
  say(
    `round ${String(round).padStart(4)}  ${world.kind.database}, ${world.kind.engine}: ${what} · ${counts} · N1–N7 hold · ${seconds(startedMs)}`,
  );
}

function planFaults(world: World, random: Random): { fault: Fault; atMs: number; random: Random }[] {
  const fitting = faults.filter((fault) => fault.fits(world));
  const count = random.pick([1, 1, 2, 2, 3]);
  return times(count, () => ({ fault: random.pick(fitting), atMs: random.between(0, 2500), random: new Random(random.next()) })).toSorted(
    (left, right) => left.atMs - right.atMs,
  );
}

function trainingRows(): string {
  const answers = ['yes.', 'no.', 'cats.', 'a dog?', 'maybe, yes.'];
  const questions = ['is it red', 'is it blue', 'who sat', 'who ran', 'will it rain'];
  return Array.from({ length: 20 }, (_, index) => {
    const user = { role: 'user', content: `${questions[index % 5]} ${'now '.repeat(Math.floor(index / 5))}?` };
    return `${JSON.stringify({ messages: [user, { role: 'assistant', content: answers[index % 5] }] })}\n`;
  }).join('');
}

function times<Made>(count: number, make: (number: number) => Made): Made[] {
  return Array.from({ length: count }, (_, number) => make(number));
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}
