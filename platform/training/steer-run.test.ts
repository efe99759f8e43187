import { setTimeout as wait } from 'node:timers/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { terminalStates, type RunState } from '#contract/training.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { runStates } from './run-states.ts';
import { getRun } from './runs.ts';
import { cancelRun, pauseRun, resumeRun } from './steer-run.ts';
import { project, useTrainings, type TestTraining } from './test-training.ts';

describeDatabases('a person who steers', (database) => {
  const open = useTrainings(database);

  it('cancels a waiting run at once, a second time without effect, and not one that is over', async () => {
    const training = await open({ script: { steps: 300, stepMs: 10 } });
    const [running, waiting] = [await training.submit(), await training.submit()];
    await training.untilStep(running.id, 1);
    expect(await cancelRun(training, project, waiting.id)).toMatchObject({ state: 'cancelled' });
    expect(await cancelRun(training, project, waiting.id)).toMatchObject({ state: 'cancelled' });
    expect(await cancelRun(training, project, running.id)).toMatchObject({ desired: 'cancel' });
    expect(await cancelRun(training, project, running.id)).toMatchObject({ id: running.id });
    expect(await training.ended(running.id)).toMatchObject({ state: 'cancelled', failure: null });
    await expect(pauseRun(training, project, running.id)).rejects.toMatchObject({ code: 'invalid_state' });
    training.script({ steps: 1 });
    const quick = await training.ended((await training.submit()).id);
    await expect(cancelRun(training, project, quick.id)).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(cancelRun(training, 'proj_other', quick.id)).rejects.toMatchObject({ code: 'run_not_found' });
  });

  it('pauses a run, which gives its slot away, and resumes it from where it was', async () => {
    const training = await open({ script: { steps: 300, stepMs: 10 } });
    const first = await training.submit();
    await training.untilStep(first.id, 10);
    await pauseRun(training, project, first.id);
    await training.untilState(first.id, 'paused');
    training.script({ steps: 2 });
    expect(await training.ended((await training.submit()).id)).toMatchObject({ state: 'succeeded' });
    training.script({ steps: 300, stepMs: 1 });
    expect(await resumeRun(training, project, first.id)).toMatchObject({ state: 'queued' });
    const run = await training.ended(first.id);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 2, step: 300 });
    const steps = await training.steps(first.id);
    expect(steps).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
  });

  it('may resume a run in the very moment it pauses, again and again', async () => {
    const training = await open({ script: { steps: 400, stepMs: 20 } });
    const { id } = await training.submit();
    for (let pauses = 1; pauses <= 4; pauses++) {
      await training.untilStep(id, pauses * 5);
      await pauseRun(training, project, id);
      let seen = 0;
      for await (const event of training.feed.subscribe(id, 0, new AbortController().signal)) {
        if (event.type === 'run-paused') seen++;
        if (seen === pauses) break;
      }
      await resumeRun(training, project, id);
    }
    expect(await training.ended(id)).toMatchObject({ state: 'succeeded', attempt: 5 });
    expect(await training.steps(id)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
  });

  it('does not wait for a cold worker: the run is cancelled at once, and what starts later is ended', async () => {
    const training = await open({ script: { steps: 10_000, stepMs: 10, coldMs: 1500 } });
    const { id } = await training.submit();
    await training.untilState(id, 'running');
    const asked = performance.now();
    await cancelRun(training, project, id);
    expect(await training.ended(id)).toMatchObject({ state: 'cancelled', attempt: 1 });
    expect(performance.now() - asked).toBeLessThan(1000);
    await expect.poll(() => existsSync(join(training.dataDir, 'runs', id, 'attempt-1', 'exit.json')), { timeout: 5000 }).toBe(true);
  });

  it('is obeyed even by a worker that does not listen: it is ended when its time is up', async () => {
    const training = await open({ script: { steps: 10_000, stepMs: 10, isDeaf: true }, parts: { graceMs: 300 } });
    const { id } = await training.submit();
    await training.untilStep(id, 1);
    await cancelRun(training, project, id);
    const asked = performance.now();
    expect(await training.ended(id)).toMatchObject({ state: 'cancelled' });
    expect(performance.now() - asked).toBeGreaterThan(250);
  });

  it('gets the cancellation that came before the success was stored, though the worker had finished', async () => {
    const training = await open({ script: { steps: 150, stepMs: 10, isDeaf: true } });
    const { id } = await training.submit();
    await training.untilStep(id, 20);
    await cancelRun(training, project, id);
    expect(await training.ended(id)).toMatchObject({ state: 'cancelled', fine_tuned_model: null, result_file: null });
    expect(training.told).toEqual([]);
  });

  it('may ask for anything in any order: the run stays within the table of its states and ends once', async () => {
    const training = await open({ script: { steps: 25, stepMs: 4, checkpointEvery: 5, dieAt: [12] }, parts: { graceMs: 2000 } });
    const asks = { cancel: cancelRun, pause: pauseRun, resume: resumeRun };
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ ask: fc.constantFrom('pause', 'resume', 'pause', 'resume', 'cancel'), waitMs: fc.integer({ min: 0, max: 60 }) }),
          { maxLength: 10 },
        ),
        async (storm) => {
          const { id } = await training.submit();
          const states: RunState[] = ['queued'];
          for (const { ask, waitMs } of storm) {
            await wait(waitMs);
            const run = await asks[ask as keyof typeof asks](training, project, id).catch((error: unknown) => {
              expect(error).toMatchObject({ code: 'invalid_state' });
              return getRun(training, project, id);
            });
            states.push(run.state);
          }
          await resumeRun(training, project, id).catch(() => {});
          await reachesEnd(training, id);
          const run = await getRun(training, project, id);
          states.push(run.state);
          for (const [index, state] of states.entries()) if (index > 0) expect(reachable(states[index - 1]!)).toContain(state);
          const events = await training.events(id);
          expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
          const last = events.filter((event) => ['run-ended', 'run-failed', 'run-cancelled'].includes(event.type));
          expect(last).toHaveLength(1);
          expect(events.at(-1)).toEqual(last[0]);
          expect(events.filter((event) => event.type === 'run-starting')).toHaveLength(
            run.attempt - events.filter((event) => event.type === 'run-retried').length,
          );
        },
      ),
      { numRuns: 10, endOnFailure: true },
    );
  }, 120_000);

  async function reachesEnd(training: TestTraining, id: string): Promise<void> {
    await expect
      .poll(
        async () => {
          const run = await getRun(training, project, id);
          if (run.state === 'paused') await resumeRun(training, project, id).catch(() => {});
          return terminalStates.includes(run.state);
        },
        { timeout: 20_000, interval: 50 },
      )
      .toBe(true);
  }
});

/** Every state that can follow, over any number of transitions; the state itself too. */
function reachable(state: RunState, seen = new Set<RunState>()): Set<RunState> {
  if (seen.has(state)) return seen;
  seen.add(state);
  for (const next of Object.values(runStates[state])) reachable(next, seen);
  return seen;
}
