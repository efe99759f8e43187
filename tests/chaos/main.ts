/**
 * `npm run chaos -- --seed N --rounds K [--from R]`: a platform is taken apart while clients use it, and must keep its seven promises.
 * Ends with 1 at the first that is broken; the same seed and `--from` that round do the same to it again. Ctrl-C lets the round end first.
 */
import { parseArgs } from 'node:util';
import { runRounds, type Tally } from './rounds.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, rounds: { type: 'string', default: '20' }, from: { type: 'string', default: '1' } },
});
const options = { seed: Number(values.seed), rounds: Number(values.rounds), from: Number(values.from) };
const startedMs = performance.now();
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
try {
  console.log(summary(await runRounds({ ...options, say: (line) => console.log(line), signal: stopping.signal })));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(`again: npm run chaos -- --seed ${options.seed} --from R --rounds 1, with the number of the round as R`);
  process.exitCode = 1;
}

function summary(tally: Tally): string {
  const faults = [...tally.faults].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([name, count]) => `${name} ${count}`);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  return [
    `seed ${options.seed}, rounds ${options.from} to ${options.from + tally.rounds - 1}: N1–N7 held, in ${seconds} s`,
    `${tally.acknowledged} acknowledged, ${tally.repeats} tries repeated, ${tally.runs} runs (${tally.resumed} resumed), ${tally.streams} streams`,
    faults.join(', '),
  ].join('\n');
}
