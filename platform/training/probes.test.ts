import { setTimeout as wait } from 'node:timers/promises';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ProbeDelta } from '#contract/probe.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { getVersion } from '#platform/models/versions.ts';
import { keptSteps } from './kept-steps.ts';
import { streamProbes } from './probe-stream.ts';
import { addProbe, listAnswers, listProbes, removeProbe } from './probes.ts';
import { getRun } from './runs.ts';
import { cancelRun, keepStep, pauseRun, resumeRun, stopRun } from './steer-run.ts';
import { project, useTrainings, type TestTraining } from './test-training.ts';

const once = { prompt: 'Who are you?', repeat: false };
const all = { after_seq: 0, limit: 5000 };
const never = new AbortController().signal;

async function answered(training: TestTraining, runId: string, probeId: string): Promise<number> {
  let step = 0;
  await expect
    .poll(async () => (step = (await listAnswers(training, project, runId, { ...all, probe_id: probeId })).data[0]?.step ?? 0), {
      timeout: 15_000,
    })
    .toBeGreaterThan(0);
  return step;
}

describeDatabases('the probes of a run', (database) => {
  const open = useTrainings(database);

  it('are those that were chosen with the job and those that the worker picked, with an answer a round', async () => {
    const training = await open({ script: { steps: 12, roundEvery: 4 } });
    const prompts = [{ prompt: 'How long?', reference: 'Two years.' }, { messages: [{ role: 'user', content: 'Why?' }] }];
    const { id } = await training.submit({ extensions: { probes: { prompts } } });
    await training.ended(id);
    const { probes, share, interval_steps } = await listProbes(training, project, id);
    expect(probes.map((probe) => [probe.id, probe.origin, probe.reference])).toEqual([
      ['probe-1', 'chosen', 'Two years.'],
      ['probe-2', 'chosen', null],
      ['probe-auto-1', 'training', '1 is 1.'],
    ]);
    expect({ share, interval_steps }).toEqual({ share: 0.04, interval_steps: 4 });
    const { data } = await listAnswers(training, project, id, { ...all, probe_id: 'probe-1' });
    expect(data.map(({ step, text }) => [step, text])).toEqual([4, 8, 12].map((step) => [step, `step ${step} says: How long?`]));
    const rest = await listAnswers(training, project, id, { after_seq: data[0]!.seq, limit: 2 });
    expect([rest.data.length, rest.hasMore]).toEqual([2, true]);
  });

  it('are off where the job says so', async () => {
    const training = await open({ script: { steps: 50, stepMs: 10, roundEvery: 1 } });
    const { id } = await training.submit({ extensions: { probes: { enabled: false } } });
    await training.untilStep(id, 2);
    await expect(addProbe(training, project, id, once)).rejects.toMatchObject({ code: 'invalid_state' });
    await training.ended(id);
    expect(await listProbes(training, project, id)).toEqual({ probes: [], share: null, interval_steps: null });
  });

  it('answer a question once, and a pinned one again and again until it is removed', async () => {
    const training = await open({ script: { steps: 100_000, stepMs: 60, roundEvery: 5 } });
    const { id } = await training.submit({ extensions: { probes: { automatic: false } } });
    await training.untilStep(id, 3);
    const asked = await addProbe(training, project, id, once);
    const pinned = await addProbe(training, project, id, { prompt: 'Again?', repeat: true });
    await answered(training, id, asked.id);
    const stepsOf = async (probe_id: string): Promise<number[]> =>
      (await listAnswers(training, project, id, { ...all, probe_id })).data.map(({ step }) => step);
    await expect.poll(async () => (await stepsOf(pinned.id)).length, { timeout: 15_000 }).toBeGreaterThan(2);
    await removeProbe(training, project, id, pinned.id);
    const stepsSince = async (): Promise<number> => (await getRun(training, project, id)).step - (await stepsOf(pinned.id)).at(-1)!;
    await expect.poll(stepsSince, { timeout: 15_000 }).toBeGreaterThan(15);
    expect(await stepsOf(asked.id)).toHaveLength(1);
    expect((await listProbes(training, project, id)).probes.map((probe) => probe.id)).toEqual([asked.id]);
    await cancelRun(training, project, id);
    await training.ended(id);
  });

  it('are not lost when many ask at once, nor when worker and platform die meanwhile, and no question is answered twice', async () => {
    const training = await open({ script: { steps: 400, stepMs: 10, checkpointEvery: 10, dieAt: [60] } });
    const { id } = await training.submit({ extensions: { probes: { automatic: false } } });
    await training.untilStep(id, 12);
    const first = await Promise.all(
      Array.from({ length: 10 }, (_, index) => addProbe(training, project, id, { prompt: `First ${index}?`, repeat: false })),
    );
    await answered(training, id, first.at(-1)!.id);
    await training.untilStep(id, 61).catch(() => {});
    await training.stop();
    const asked = await Promise.all(
      Array.from({ length: 8 }, (_, index) => addProbe(training, project, id, { prompt: `Late ${index}?`, repeat: index < 4 })),
    );
    const next = await open({ data: training.dataDir });
    for (const probe of asked.slice(4)) await answered(next, id, probe.id);
    await next.ended(id);
    const { data } = await listAnswers(next, project, id, all);
    const questions = [...first, ...asked.slice(4)].map((probe) => probe.id);
    expect(data.map((answer) => answer.probe_id).sort()).toEqual([...questions].sort());
    expect((await listProbes(next, project, id)).probes).toHaveLength(18);
  });

  it('stay within their limits: eight pinned, sixteen open questions, and only while the run goes on', async () => {
    const training = await open({ script: { steps: 3, stepMs: 10 }, parts: { maxRuns: 1 } });
    const { id } = await training.submit({ extensions: { probes: { automatic: false, prompts: [{ prompt: 'One?' }] } } });
    const results = await Promise.allSettled(
      Array.from({ length: 9 }, () => addProbe(training, project, id, { prompt: 'More?', repeat: true })),
    );
    expect(results.filter((result) => result.status === 'fulfilled').length).toBeLessThanOrEqual(7);
    await training.ended(id);
    await expect(addProbe(training, project, id, once)).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(addProbe(training, 'proj_other', id, once)).rejects.toMatchObject({ code: 'run_not_found' });
    await expect(removeProbe(training, project, id, 'probe-1')).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(listProbes(training, 'proj_other', id)).rejects.toMatchObject({ code: 'run_not_found' });
    const waiting = await open({ script: { steps: 2000, stepMs: 10, coldMs: 60_000 } });
    const { id: cold } = await waiting.submit();
    for (let index = 0; index < 16; index++) await addProbe(waiting, project, cold, once);
    await expect(addProbe(waiting, project, cold, once)).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    await expect(removeProbe(waiting, project, cold, 'probe-x')).rejects.toMatchObject({ code: 'probe_not_found' });
    await cancelRun(waiting, project, cold);
    await waiting.ended(cold);
  });

  it('are streamed as they are answered: the wait first, then the pieces, over attempts, until the run ends', async () => {
    const training = await open({ script: { steps: 200, stepMs: 20, checkpointEvery: 20, dieAt: [60] } });
    const { id } = await training.submit({ extensions: { probes: { automatic: false } } });
    await training.untilStep(id, 1);
    const seen: ProbeDelta[] = [];
    const watching = (async () => {
      for await (const delta of streamProbes(training, project, id, never)) seen.push(delta);
    })();
    await training.untilStep(id, 4);
    const early = await addProbe(training, project, id, once);
    await answered(training, id, early.id);
    await training.untilStep(id, 65);
    const late = await addProbe(training, project, id, once);
    await answered(training, id, late.id);
    await training.ended(id);
    await watching;
    for (const probe of [early, late]) {
      const mine = seen.filter((delta) => delta.probe_id === probe.id);
      expect(mine.map(({ state, done }) => [state, done])).toEqual([
        ['waiting', false],
        ['answering', false],
        ['answering', true],
      ]);
      expect(mine.map(({ text }) => text).join('')).toBe(`step ${mine[1]!.step} says: Who are you?`);
    }
  });
});

describeDatabases('a person who keeps and stops', (database) => {
  const open = useTrainings(database);

  it('keeps a step: its checkpoint answers at once, and later attempts are told not to remove it', async () => {
    const training = await open({ script: { steps: 100_000, stepMs: 10, checkpointEvery: 50 } });
    const { id } = await training.submit();
    await expect(keepStep(training, 'proj_other', id)).rejects.toMatchObject({ code: 'run_not_found' });
    await training.untilStep(id, 5);
    await keepStep(training, project, id);
    await expect.poll(() => keptSteps(training.db, id), { timeout: 10_000 }).toHaveLength(1);
    const [step] = await keptSteps(training.db, id);
    const kept = await training.db
      .selectFrom('checkpoints')
      .selectAll()
      .where('run_id', '=', id)
      .where('step', '=', step!)
      .executeTakeFirstOrThrow();
    expect(await getVersion(training.versions, project, kept.model_id)).toMatchObject({ step, is_final: false });
    process.kill(Number((await getRun(training, project, id)).handle!['pid']), 'SIGKILL');
    await expect.poll(async () => (await getRun(training, project, id)).attempt, { timeout: 15_000 }).toBe(2);
    await training.untilStep(id, step! + 1);
    await expect.poll(() => existsSync(jobPath(training, id, 2)), { timeout: 15_000 }).toBe(true);
    expect(JSON.parse(readFileSync(jobPath(training, id, 2), 'utf8'))).toMatchObject({ kept_steps: [step] });
    await stopRun(training, project, id);
    expect(await training.ended(id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    await expect(keepStep(training, project, id)).rejects.toMatchObject({ code: 'invalid_state' });
  });

  it('stops a run early, and has the model as it was', async () => {
    const training = await open({ script: { steps: 10_000, stepMs: 10 } });
    const { id } = await training.submit();
    await expect(stopRun(training, project, id).then(() => stopRun(training, project, id))).rejects.toMatchObject({
      code: 'invalid_state',
    });
    await training.untilStep(id, 8);
    expect(await stopRun(training, project, id)).toMatchObject({ desired: 'stop' });
    expect(await stopRun(training, project, id)).toMatchObject({ desired: 'stop' });
    await expect(pauseRun(training, project, id)).rejects.toMatchObject({ code: 'invalid_state' });
    const run = await training.ended(id);
    expect(run).toMatchObject({ state: 'succeeded', desired: 'run', total_steps: 10_000 });
    expect(run.step).toBeLessThan(1000);
    const last = (await training.events(id)).at(-1)!;
    expect(last.message).toContain(`Stopped early at step ${run.step}, as was asked (of 10000 steps)`);
    expect(run.stop).toEqual({ cause: 'asked', step: run.step, message: `Stopped early at step ${run.step}, as was asked` });
    expect(training.told).toEqual([run.fine_tuned_model]);
  });

  it('stops a run whose worker dies before it can: the next attempt stops in its place', async () => {
    const training = await open({ script: { steps: 10_000, stepMs: 10, checkpointEvery: 5, isDeaf: true } });
    const { id } = await training.submit();
    await training.untilStep(id, 8);
    training.script({ steps: 10_000, stepMs: 10, checkpointEvery: 5 });
    await stopRun(training, project, id);
    process.kill(Number((await getRun(training, project, id)).handle!['pid']), 'SIGKILL');
    expect(await training.ended(id)).toMatchObject({ state: 'succeeded', attempt: 2 });
  });

  it('may cancel what is being stopped', async () => {
    const training = await open({ script: { steps: 10_000, stepMs: 10, isDeaf: true }, parts: { graceMs: 300 } });
    const { id } = await training.submit();
    await training.untilStep(id, 2);
    await stopRun(training, project, id);
    await cancelRun(training, project, id);
    expect(await training.ended(id)).toMatchObject({ state: 'cancelled', fine_tuned_model: null });
  });

  it('stops a run that was paused and resumed in the same moment', async () => {
    const training = await open({ script: { steps: 10_000, stepMs: 30 } });
    const { id } = await training.submit();
    await training.untilStep(id, 3);
    await pauseRun(training, project, id);
    await wait(1);
    await resumeRun(training, project, id);
    await stopRun(training, project, id).catch((error: unknown) => expect(error).toMatchObject({ code: 'invalid_state' }));
    await expect
      .poll(async () => (await stopRun(training, project, id).catch(() => getRun(training, project, id))).state, { timeout: 15_000 })
      .toBe('succeeded');
  });
});

function jobPath(training: TestTraining, runId: string, attempt: number): string {
  return join(training.dataDir, 'runs', runId, `attempt-${attempt}`, 'job.json');
}
