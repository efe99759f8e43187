/** A few rounds of `npm run chaos`, always the same ones: the harness itself works, and the seven promises hold through them. */
import { expect, it } from 'vitest';
import { runRounds } from './chaos/rounds.ts';

it('keeps its seven promises while it is killed, frozen, filled up and cut off', async () => {
  const tally = await runRounds({ seed: 3, from: 1, rounds: 2, say: (line) => console.info(line) });
  expect(tally).toMatchObject({ rounds: 2 });
  expect(tally.acknowledged).toBeGreaterThanOrEqual(5);
  expect([...tally.faults.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2);
}, 240_000);
