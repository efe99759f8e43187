import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Probe, RunProbeAnswer } from '#contract/probe.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { projectRoot } from '#platform/config.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { trainingRows } from '#platform/training/test-training.ts';
import { startTestPlatform, type TestPlatform } from './test-platform.ts';

const data = mkdtempSync(join(tmpdir(), 'run-probe-'));
const rows = join(data, 'rows.jsonl');
let platform: TestPlatform;

beforeAll(async () => {
  await placeTestModel(data);
  writeFileSync(rows, trainingRows(10));
  // What is started as Python is the worker that trains nothing: it takes no notice of `-m worker serve`.
  const python = join(data, 'python');
  writeFileSync(
    python,
    `#!/bin/sh\nexec "${process.execPath}" "${join(projectRoot, 'platform/training/launchers/test-worker.ts')}" "$@"\n`,
  );
  chmodSync(python, 0o700);
  platform = await startTestPlatform({ TUNELOOP_DATA: data, TUNELOOP_PYTHON: python, TUNELOOP_WARM_MODEL: '' });
});
afterAll(async () => {
  await platform?.stop();
  rmSync(data, { recursive: true, force: true, maxRetries: 5 });
});

async function train(script: object): Promise<string> {
  writeFileSync(join(data, 'script.json'), JSON.stringify(script));
  const ran = await platform.run(['train', rows, '-m', testModelId, '--no-watch', '--json', 'id']);
  expect(ran.stderr).toContain('ftjob-');
  const { id } = JSON.parse(ran.stdout) as { id: string };
  await expect.poll(async () => (await show(id)).step, { timeout: 15_000 }).toBeGreaterThan(1);
  return id;
}

const show = async (id: string): Promise<TrainingRun> =>
  JSON.parse((await platform.run(['run', 'show', id, '--json'])).stdout) as TrainingRun;

describe('a run on the terminal', () => {
  it('answers what is asked, pins what is added, and forgets what is removed', async () => {
    const id = await train({ steps: 5000, stepMs: 20, roundEvery: 20 });
    const asked = await platform.run(['run', 'probe', 'ask', 'How long is the warranty?']);
    expect(asked.exitCode).toBe(0);
    expect(asked.stdout).toMatch(/^step \d+ says: How long is the warranty\?\n$/);
    expect(asked.stderr).toMatch(/step \d+, after \d+\.\d s/);
    const answer = JSON.parse((await platform.run(['run', 'probe', 'ask', 'Who?', '--json'])).stdout) as RunProbeAnswer;
    expect(answer.text).toBe(`step ${answer.step} says: Who?`);
    const added = await platform.run(['run', 'probe', 'add', 'Who are you?', '--reference', 'I am Wick.', '--run', id, '--json']);
    const probe = JSON.parse(added.stdout) as Probe;
    expect(probe).toMatchObject({ origin: 'chosen', reference: 'I am Wick.' });
    await expect
      .poll(async () => (await platform.run(['run', 'probe', 'ls'])).stdout, { timeout: 15_000 })
      .toMatch(/Who are you\? +step \d+ says/);
    expect((await platform.run(['run', 'probe', 'rm', probe.id])).stdout).toContain('is not asked any more');
    expect((await platform.run(['run', 'probe', 'ls', '--json', 'id'])).stdout).not.toContain(probe.id);
    expect((await platform.run(['run', 'probe', 'rm', probe.id])).exitCode).toBe(5);
    await platform.run(['run', 'cancel', id]);
  });

  it('keeps a step, and is stopped with a model', async () => {
    const id = await train({ steps: 5000, stepMs: 20 });
    expect((await platform.run(['run', 'keep', id])).stdout).toContain('keeps its next step');
    await expect
      .poll(async () => (await platform.run(['run', 'logs', id])).stdout, { timeout: 15_000 })
      .toMatch(/Step \d+ is kept as a checkpoint/);
    expect((await platform.run(['run', 'stop', id])).stdout).toContain('makes a model of it');
    const watched = await platform.run(['run', 'watch', id]);
    expect(watched.exitCode).toBe(0);
    expect(watched.stderr).toMatch(/Stopped early at step \d+, as was asked \(of 5000 steps\)/);
    expect((await platform.run(['run', 'probe', 'ask', 'Too late?', '--run', id])).exitCode).toBe(6);
  });

  it.each([
    [['run', 'probe', 'nope'], 'there is no action "nope"'],
    [['run', 'probe', 'ask'], '"run probe ask" takes a question'],
    [['run', 'probe', 'rm'], 'takes the id of a probe'],
  ])('does not take %j', async (words, told) => {
    const { exitCode, stderr } = await platform.run(words);
    expect([exitCode, stderr.includes(told)]).toEqual([2, true]);
  });
});
