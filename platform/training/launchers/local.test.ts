import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Probe } from '#contract/probe.ts';
import type { TrainingJob } from '#contract/training.ts';
import { TrainingSettings } from '#contract/training.ts';
import type { WorkerEvent, WorkerProbes } from '#contract/worker.ts';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import type { Launcher } from '../launcher.ts';
import { launchers } from './index.ts';
import { workerSocketPath } from './local/socket-path.ts';
import type { WorkerScript } from './test-worker.ts';

const never = new AbortController().signal;
const command = [process.execPath, join(import.meta.dirname, 'test-worker.ts')];

let data: string;
let launcher: Launcher;
const open = (folder = data): Promise<Launcher> =>
  openDriver(launchers, { driver: 'local', python: 'python', data: folder, root: projectRoot, command } as { driver: string });

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'launcher-'));
  launcher = await open();
});
afterEach(async () => {
  await launcher.close();
  rmSync(data, { recursive: true, force: true });
});

function script(content: WorkerScript): void {
  writeFileSync(join(data, 'script.json'), JSON.stringify(content));
}

function jobOf(attempt = 1, run_id = 'ftjob-a', folder = data): TrainingJob {
  const output_dir = join(folder, 'runs', run_id);
  return {
    run_id,
    attempt,
    model: 'tiny',
    model_dir: folder,
    base_sha256: '',
    training_file: '',
    validation_file: null,
    output_dir,
    attempt_dir: join(output_dir, `attempt-${attempt}`),
    resume_from: null,
    reward_model_dir: null,
    grader_sandbox: [],
    seed: 1,
    method: { type: 'supervised' },
    adapter: {
      type: 'lora',
      r: 16,
      lora_alpha: 32,
      use_rslora: false,
      use_dora: false,
      init_lora_weights: 'kaiming',
      quantization: null,
      lora_dropout: 0,
      target_modules: ['q_proj'],
      layers_to_transform: null,
    },
    settings: TrainingSettings.parse({}),
    chat_template: null,
    kept_steps: [],
    probes: null,
    budget: null,
  };
}

async function collect(events: AsyncIterable<WorkerEvent>): Promise<WorkerEvent[]> {
  const all: WorkerEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('the local launcher', () => {
  it('starts a worker, runs a job on it and tells its events in order to the last', async () => {
    script({ steps: 20 });
    const handle = await launcher.start(jobOf());
    const events = await collect(launcher.follow(handle, 0, never));
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter((event) => event.type === 'run-step')).toHaveLength(20);
    expect(events.at(-1)?.type).toBe('run-ended');
    await expect.poll(() => launcher.exit(handle)).toMatchObject({ exitCode: 0, signal: null, outOfMemory: false });
  });

  it('goes on after the last event that was seen', async () => {
    const handle = await launcher.start(jobOf());
    const all = await collect(launcher.follow(handle, 0, never));
    expect(await collect(launcher.follow(handle, 4, never))).toEqual(all.slice(4));
  });

  it('lets a job run on when it is closed, and the next launcher follows it by its handle', async () => {
    script({ steps: 60, stepMs: 10 });
    const handle = await launcher.start(jobOf());
    const seen: WorkerEvent[] = [];
    for await (const event of launcher.follow(handle, 0, never)) {
      seen.push(event);
      if (seen.length === 10) break;
    }
    await launcher.close();
    launcher = await open();
    const stored = JSON.parse(JSON.stringify(handle)) as typeof handle;
    expect(await launcher.exit(stored)).toBeNull();
    seen.push(...(await collect(launcher.follow(stored, 10, never))));
    expect(seen.map((event) => event.seq)).toEqual(seen.map((_, index) => index + 1));
    expect(seen.at(-1)?.type).toBe('run-ended');
  });

  it('starts an attempt once, however often it is asked to', async () => {
    const starts = await Promise.allSettled([launcher.start(jobOf()), launcher.start(jobOf()), (await open()).start(jobOf())]);
    expect(starts.map((start) => start.status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(starts.find((start) => start.status === 'rejected')?.reason).toMatchObject({ code: 'worker_unavailable' });
  });

  it('finds an attempt whose handle got lost, and says when there was none', async () => {
    script({ steps: 100, stepMs: 20 });
    expect(await launcher.find(jobOf())).toBeNull();
    const handle = await launcher.start(jobOf());
    expect(await launcher.find(jobOf())).toEqual(handle);
    rmSync(join(jobOf().attempt_dir, 'handle.json'));
    expect(await launcher.find(jobOf())).toMatchObject({ pid: handle['pid'], started: handle['started'] });
    for await (const _ of launcher.follow(handle, 0, never)) break;
    await launcher.kill(handle);
    const late = await launcher.find(jobOf());
    expect((await collect(launcher.follow(late!, 0, never))).length).toBeGreaterThan(0);
    expect(await launcher.exit(late!)).not.toBeNull();
  });

  it('ends without a last event when the process was killed, and tells the signal', async () => {
    script({ steps: 50, dieAt: [3] });
    const handle = await launcher.start(jobOf());
    const events = await collect(launcher.follow(handle, 0, never));
    expect(events.at(-1)).toMatchObject({ type: 'run-step', step: 3 });
    expect(await launcher.exit(handle)).toMatchObject({ signal: 9, exitCode: null, outOfMemory: false });
  });

  it('ends within a second when the worker and its job are gone at once', async () => {
    script({ steps: 1000, stepMs: 20 });
    const handle = await launcher.start(jobOf());
    const iterator = launcher.follow(handle, 0, never)[Symbol.asyncIterator]();
    await iterator.next();
    process.kill(Number(handle['pid']), 'SIGSTOP');
    const pid = Number(readFileSync(`/proc/${String(handle['pid'])}/stat`, 'latin1').split(' ')[3]);
    process.kill(pid, 'SIGKILL');
    const before = performance.now();
    await launcher.kill(handle);
    while (!(await iterator.next()).done);
    expect(performance.now() - before).toBeLessThan(1000);
    expect(await launcher.exit(handle)).toMatchObject({ exitCode: null, signal: null });
  });

  it('starts a new worker when the old one is gone', async () => {
    const first = await launcher.start(jobOf(1));
    await collect(launcher.follow(first, 0, never));
    const answer = await ping();
    process.kill(answer.pid, 'SIGKILL');
    await expect.poll(() => startOf(answer.pid)).toBeNull();
    const second = await launcher.start(jobOf(1, 'ftjob-b'));
    expect((await collect(launcher.follow(second, 0, never))).at(-1)?.type).toBe('run-ended');
  });

  it('hands pause and cancel to the job between two steps', async () => {
    script({ steps: 1000, stepMs: 10 });
    for (const [attempt, action, type] of [
      [1, 'pause', 'run-paused'],
      [2, 'cancel', 'run-cancelled'],
    ] as const) {
      const handle = await launcher.start(jobOf(attempt));
      await launcher.control(handle, { action, keep: 0 });
      expect((await collect(launcher.follow(handle, 0, never))).at(-1)?.type).toBe(type);
    }
  });

  it('hands on what is asked, and what is answered: to who comes late as one piece, then piece by piece', async () => {
    script({ steps: 1000, stepMs: 10 });
    const probe = (id: string): Probe => ({ id, origin: 'asked', messages: [{ role: 'user', content: 'Who?' }], reference: null });
    const ask = (id: string): WorkerProbes => ({ pinned: [], removed: [], questions: [{ probe: probe(id), asked_at: Date.now() / 1000 }] });
    const handle = await launcher.start({
      ...jobOf(),
      probes: { max_tokens: 8, budget_share: 0, automatic: false, pinned: [], answered_base: [] },
    });
    const half = { lane: 'live', step: 1, state: 'answering', done: false, waited_seconds: 1 };
    const file = join(jobOf().attempt_dir, 'probe-tokens.jsonl');
    for (const [id, text, done] of [
      ['old', 'a', true],
      ['half', 'b', false],
      ['half', 'c', false],
    ] as const)
      appendFileSync(file, `${JSON.stringify({ ...half, probe_id: id, text, done })}\n`);
    const stop = new AbortController();
    const seen: [string, string][] = [];
    const following = (async () => {
      for await (const delta of launcher.followProbes(handle, 'now', stop.signal)) seen.push([delta.probe_id, delta.text]);
    })();
    await expect.poll(() => seen).toEqual([['half', 'bc']]);
    await launcher.ask(handle, ask('q1'));
    await expect.poll(() => seen.length).toBe(3);
    truncateSync(file, 0);
    await launcher.ask(handle, ask('q2'));
    await expect.poll(() => seen.at(-1)).toEqual(['q2', ' Who?']);
    expect(seen[1]![0]).toBe('q1');
    stop.abort();
    await following;
    await launcher.kill(handle);
  });

  it('kills a stopped process, and a second time changes nothing', async () => {
    script({ steps: 1000, stepMs: 10 });
    const handle = await launcher.start(jobOf());
    process.kill(Number(handle['pid']), 'SIGSTOP');
    await launcher.kill(handle);
    await launcher.kill(handle);
    expect(await launcher.exit(handle)).toMatchObject({ signal: 9 });
  });

  it('takes no later process with the same number for the job', async () => {
    const handle = { attempt_dir: data, pid: process.pid, started: 'another time', oom_kills: 0 };
    expect(await launcher.exit(handle)).not.toBeNull();
    await launcher.kill(handle);
  });

  it('waits for the rest of a line that is half written', async () => {
    const folder = join(data, 'half');
    mkdirSync(folder);
    const file = join(folder, 'events.jsonl');
    const line = JSON.stringify({ seq: 1, at: 1, type: 'log', level: 'info', message: 'größer' });
    const middle = Buffer.from(line).indexOf('ö') + 1;
    appendFileSync(file, Buffer.from(line).subarray(0, middle));
    const handle = { attempt_dir: folder, pid: process.pid, started: await startOf(process.pid), oom_kills: 0 };
    const iterator = launcher.follow(handle, 0, never)[Symbol.asyncIterator]();
    const next = iterator.next();
    expect(await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 700, 'still waiting'))])).toBe('still waiting');
    appendFileSync(file, Buffer.concat([Buffer.from(line).subarray(middle), Buffer.from('\n')]));
    expect((await next).value).toMatchObject({ message: 'größer' });
    await iterator.return?.();
  });

  it('refuses a line that is no event, and a file with a gap', async () => {
    const follow = (line: string): Promise<WorkerEvent[]> => {
      const folder = mkdtempSync(join(data, 'bad-'));
      writeFileSync(join(folder, 'events.jsonl'), `${line}\n`);
      return collect(launcher.follow({ attempt_dir: folder, pid: 0, started: null, oom_kills: 0 }, 0, never));
    };
    await expect(follow('{"seq":1')).rejects.toMatchObject({ code: 'worker_unavailable' });
    await expect(follow('{"seq":2,"at":1,"type":"log","level":"info","message":""}')).rejects.toThrow(/events are missing/);
  });

  it('says what is wrong when the worker cannot be started, and warming it is silent', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'launcher-none-'));
    for (const [program, why] of [
      ['/nowhere/python', /could not be started/],
      ['/bin/false', /exit code 1/],
    ] as const) {
      const broken = await openDriver(launchers, { driver: 'local', python: program, data: folder, root: projectRoot } as {
        driver: string;
      });
      await broken.warm('model');
      await expect(broken.start(jobOf(program.length, 'ftjob-b', folder))).rejects.toThrow(why);
    }
    rmSync(folder, { recursive: true });
  });

  it('moves the socket to a short path that no one else may enter when the data folder has a long one', async () => {
    const deep = join(data, 'x'.repeat(90));
    const path = await workerSocketPath(deep);
    expect(Buffer.byteLength(path)).toBeLessThan(104);
    expect(await workerSocketPath(deep)).toBe(path);
    const far = await open(deep);
    const job = jobOf(1, 'ftjob-c', deep);
    const handle = await far.start(job);
    expect((await collect(far.follow(handle, 0, never))).at(-1)?.type).toBe('run-ended');
    await far.close();
    rmSync(join(path, '..'), { recursive: true });
  });
});

async function startOf(pid: number): Promise<string | null> {
  return (await import('./local/process-identity.ts')).processStart(pid);
}

async function ping(): Promise<{ pid: number }> {
  const { WorkerServer } = await import('./local/worker-server.ts');
  const server = new WorkerServer({ socketPath: await workerSocketPath(data), logPath: '', root: projectRoot, command });
  const answer = await server.ask({ command: 'ping' }, { startsIt: false });
  expect(existsSync(await workerSocketPath(data))).toBe(true);
  return { pid: Number(answer!['pid']) };
}
