import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { listCheckpoints } from './checkpoints.ts';
import { getRun } from './runs.ts';
import { pauseRun, resumeRun } from './steer-run.ts';
import { project, useTrainings } from './test-training.ts';

describeDatabases('a worker that goes away', (database) => {
  const open = useTrainings(database);

  it('is replaced, and the new attempt goes on from the last checkpoint', async () => {
    const training = await open({ script: { steps: 6, checkpointEvery: 2, dieAt: [5] } });
    const run = await training.ended((await training.submit()).id);
    expect(run).toMatchObject({ state: 'succeeded', attempt: 2, step: 6 });
    const events = await training.events(run.id);
    expect(events.filter((event) => event.type === 'run-step').map((event) => event.data['step'])).toEqual([1, 2, 3, 4, 5, 5, 6]);
    expect(events.find((event) => event.type === 'run-retried')).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('signal 9') as string,
    });
  });

  it('fails the run with its cause and a next step when it goes away again and again, and what was saved is kept', async () => {
    const training = await open({ script: { steps: 9, checkpointEvery: 2, dieAt: [3, 5, 7] } });
    const run = await training.ended((await training.submit()).id);
    expect(run).toMatchObject({ state: 'failed', attempt: 3, failure: { cause: 'worker_lost' } });
    expect(run.failure!.next_step).not.toBe('');
    expect((await listCheckpoints(training, project, run.id, { limit: 10 })).data.map((one) => one.step)).toEqual([6, 4, 2]);
  });

  it('cannot bring a checkpoint back that is broken: the one before it is used', async () => {
    const training = await open({ script: { steps: 400, stepMs: 10, checkpointEvery: 10 } });
    const { id } = await training.submit();
    await training.untilStep(id, 45);
    await pauseRun(training, project, id);
    await training.untilState(id, 'paused');
    const saved = (await listCheckpoints(training, project, id, { limit: 10 })).data;
    for (const { path } of saved.slice(0, 2)) {
      const file = join(training.dataDir, path, 'adapter.gguf');
      truncateSync(file, statSync(file).size - 1);
    }
    await resumeRun(training, project, id);
    const run = await training.ended(id);
    expect(run).toMatchObject({ state: 'succeeded', failure: null });
    const events = await training.events(id);
    expect(events.filter((event) => event.type === 'checkpoint-refused')).toHaveLength(2);
    const resumed = events
      .slice(events.findLastIndex((event) => event.type === 'checkpoint-refused'))
      .find((event) => event.type === 'run-step');
    expect(resumed!.data['step']).toBe(saved[2]!.step + 1);
  });

  it('fails the run when every checkpoint is broken, instead of silently starting afresh', async () => {
    const training = await open({ script: { steps: 500, stepMs: 10, checkpointEvery: 10 } });
    const { id } = await training.submit();
    await training.untilStep(id, 12);
    await pauseRun(training, project, id);
    await training.untilState(id, 'paused');
    for (const { path } of (await listCheckpoints(training, project, id, { limit: 10 })).data)
      rmSync(join(training.dataDir, path, 'adapter.gguf'));
    await resumeRun(training, project, id);
    expect(await training.ended(id)).toMatchObject({ state: 'failed', failure: { cause: 'checkpoint_corrupt' } });
  });

  it.each(['nan', 'oom', 'disk_full'] as const)(
    'fails the run with the cause %s when it says so, and the next run starts',
    async (cause) => {
      const training = await open({ script: { steps: 4 } });
      training.script({ steps: 4, failAt: { step: 3, cause, message: 'it went wrong' } });
      const first = await training.submit();
      expect(await training.ended(first.id)).toMatchObject({
        state: 'failed',
        attempt: 1,
        failure: { cause, message: 'it went wrong', next_step: 'Change something.' },
      });
      training.script({ steps: 4 });
      expect(await training.ended((await training.submit()).id)).toMatchObject({ state: 'succeeded' });
    },
  );

  it.skipIf(!canLimitMemory())(
    'fails the run with the cause oom when the system kills its worker for want of memory, and does not try again',
    async () => {
      const training = await open({ script: { steps: 400, stepMs: 10, hogAt: 200 } });
      const { id } = await training.submit();
      await training.untilStep(id, 1);
      const group = limitMemory(Number((await getRun(training, project, id)).handle!['pid']), 200);
      const run = await training.ended(id);
      rmdirSync(group);
      expect(run).toMatchObject({ state: 'failed', attempt: 1, failure: { cause: 'oom' } });
      expect(run.failure!.next_step).toContain('batch_size');
    },
  );

  it.skipIf(!canMount())('fails the run when the disk is full, and runs the next one when there is space again', async () => {
    const training = await open({ script: { steps: 2 } });
    const runs = join(training.dataDir, 'runs');
    mkdirSync(runs);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', runs]);
    try {
      expect(() => writeFileSync(join(runs, 'filler'), Buffer.alloc(2 ** 20))).toThrow('ENOSPC');
      expect(await training.ended((await training.submit()).id)).toMatchObject({ state: 'failed', failure: { cause: 'disk_full' } });
      rmSync(join(runs, 'filler'));
      expect(await training.ended((await training.submit()).id)).toMatchObject({ state: 'succeeded' });
    } finally {
      execFileSync('umount', [runs]);
    }
  });

  it('fails the run when it cannot be started at all, and says why', async () => {
    const training = await open({ command: ['/bin/false'] });
    const run = await training.ended((await training.submit()).id);
    expect(run).toMatchObject({
      state: 'failed',
      failure: { cause: 'worker_lost', message: expect.stringContaining('exit code 1') as string },
    });
  });

  it('fails the run when its base model is gone at the next attempt', async () => {
    const training = await open({ script: { steps: 2000, stepMs: 10 } });
    const { id } = await training.submit();
    await training.untilStep(id, 3);
    rmSync(join(training.baseModels.dir, 'tiny'), { recursive: true });
    process.kill(Number((await getRun(training, project, id)).handle!['pid']), 'SIGKILL');
    expect(await training.ended(id)).toMatchObject({ state: 'failed', failure: { cause: 'model_error' } });
  });

  it('fails the run as a fault of ours when it cannot be followed however often that is tried', async () => {
    const training = await open({ script: { steps: 2000, stepMs: 10 } });
    const { id } = await training.submit();
    await training.untilStep(id, 3);
    const { handle } = await getRun(training, project, id);
    await training.stop();
    await training.db.updateTable('runs').set({ handle: '{}' }).where('id', '=', id).execute();
    const next = await open({ data: training.dataDir });
    expect(await next.ended(id)).toMatchObject({ state: 'failed', failure: { cause: 'crashed' } });
    await next.launcher.kill(handle!);
  });
});

describeDatabases('a run whose loss climbs', (database) => {
  const open = useTrainings(database);

  it('is told of once, keeps what was saved before, and is promoted by nobody; one bad batch is not worth a word', async () => {
    const falling = Array.from({ length: 40 }, (_, index) => 2 - index * 0.04);
    const climbing = [...falling, ...Array.from({ length: 30 }, (_, index) => 0.5 + index * 0.2)];
    const training = await open({ script: { steps: 70, losses: climbing, checkpointEvery: 20 } });
    const run = await training.ended((await training.submit()).id);
    const warnings = (await training.events(run.id)).filter((event) => event.type === 'run-diverging');
    expect(warnings).toMatchObject([{ level: 'warn', data: { best_step: 42 } }]);
    expect((await listCheckpoints(training, project, run.id, { limit: 10 })).data.map((one) => one.step)).toEqual([60, 40, 20]);
    expect(await database.current.db.selectFrom('aliases').selectAll().execute()).toEqual([]);
    training.script({ steps: 70, losses: falling.map((loss, index) => (index === 30 ? 5 : loss)) });
    const other = await training.ended((await training.submit()).id);
    expect((await training.events(other.id)).filter((event) => event.type === 'run-diverging')).toEqual([]);
  });
});

const memoryGroups = '/sys/fs/cgroup/memory';

/** Whether this user may give a process a memory limit of its own (control groups of version 1). */
function canLimitMemory(): boolean {
  try {
    accessSync(join(memoryGroups, 'cgroup.procs'), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Returns the folder of the group, to remove when the process is gone. */
function limitMemory(pid: number, megabytes: number): string {
  const group = join(memoryGroups, `tuneloop-test-${pid}`);
  mkdirSync(group);
  writeFileSync(join(group, 'memory.limit_in_bytes'), String(megabytes * 2 ** 20));
  writeFileSync(join(group, 'cgroup.procs'), String(pid));
  return group;
}

/** Whether this user may mount a small file system. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describeDatabases('a run that comes to its last step', (database) => {
  const open = useTrainings(database);

  it('lets its version be loaded ahead, by the hash that the version is then registered with', async () => {
    const ahead: { id: string; sha256: string; wasThere: boolean }[] = [];
    const training = await open({
      script: { steps: 6, checkpointEvery: 2 },
      parts: {
        onLastStep: async (_run, id, { file, sha256 }) => void ahead.push({ id, sha256, wasThere: statSync(file).isFile() }),
      },
    });
    const run = await training.ended((await training.submit()).id);
    const version = await training.db
      .selectFrom('model_versions')
      .selectAll()
      .where('id', '=', run.fine_tuned_model!)
      .executeTakeFirstOrThrow();
    expect(ahead).toEqual([{ id: version.id, sha256: version.adapter_sha256, wasThere: true }]);
  });
});
