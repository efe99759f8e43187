/**
 * For tests: a worker process that speaks the contract and trains nothing. What a job does is written in `script-<run id>.json` or
 * `script.json` of the data folder.
 *
 *   node test-worker.ts --socket FILE --log FILE
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { TrainingJob } from '#contract/training.ts';
import type { Probe, ProbeAnswer, ProbeDelta } from '#contract/probe.ts';
import type { ArtifactManifest, RunMeasured, WorkerCommand, WorkerControl, WorkerEvent, WorkerProbes } from '#contract/worker.ts';

/** What a job of this worker does; steps count from 1. */
export interface WorkerScript {
  steps?: number;
  stepMs?: number;
  /** Of each step, in their order; 1 / step when there is none. */
  losses?: number[];
  checkpointEvery?: number;
  /** Steps after which the process kills itself: the first attempt at the first of them, and so on. */
  dieAt?: number[];
  failAt?: { step: number; cause: 'nan' | 'oom' | 'disk_full'; message: string };
  /** How long the worker takes before it starts the job's process. */
  coldMs?: number;
  /** Takes memory until it is stopped. */
  hogAt?: number;
  /** Takes no notice of control.json. */
  isDeaf?: boolean;
  /** Steps between two rounds of the pinned probes. */
  roundEvery?: number;
  /** Of a measurement: what it finds other than `measuredUsually`. */
  measured?: Partial<RunMeasured>;
}

const measuredUsually = {
  type: 'run-measured' as const,
  machine: 'test',
  measured_steps: 4,
  seconds: 1,
  threads: 1,
  other_load: 0,
  start_seconds: 1,
  step_seconds: 80,
  step_cpu_seconds: 40,
  spread: 0,
  evaluations: 0,
  evaluation_seconds: 0,
  saves: 2,
  save_seconds: 1,
  peak_memory_bytes: 2 ** 30,
  kept_bytes: 0,
  memory_limit_bytes: 2 ** 33,
};

type Unsent = WorkerEvent extends infer Event ? (Event extends WorkerEvent ? Omit<Event, 'seq' | 'at'> : never) : never;

const [, self, ...words] = process.argv;
if (words[0] === 'train') await runJob(readJob());
else if (words[0] === 'measure') await runMeasurement(readJob());
else serve(words[words.indexOf('--socket') + 1]!);

function serve(socketPath: string): void {
  const jobs = new Map<number, { run_id: string; attempt: number }>();
  const answerTo = async (command: WorkerCommand): Promise<object> => {
    if (command.command === 'ping') {
      return {
        ok: true,
        pid: process.pid,
        version: 'test',
        device: 'cpu',
        ready: true,
        jobs: [...jobs].map(([pid, job]) => ({ pid, ...job })),
      };
    }
    if (command.command !== 'train' && command.command !== 'measure') return { ok: true };
    const { job } = command;
    await wait(readScript(job).coldMs ?? 0);
    if (existsSync(join(job.attempt_dir, 'job.json')))
      return { ok: false, code: 'invalid_state', message: 'this attempt was started before' };
    writeFileSync(join(job.attempt_dir, 'job.json'), JSON.stringify(job));
    const words = [self!, command.command, join(job.attempt_dir, 'job.json')];
    const child = spawn(process.execPath, words, { detached: true, stdio: 'ignore' });
    jobs.set(child.pid!, { run_id: job.run_id, attempt: job.attempt });
    child.on('exit', (code, signal) => {
      jobs.delete(child.pid!);
      const exit = { pid: child.pid, exit_code: code, signal: signal === 'SIGKILL' ? 9 : null, peak_memory_bytes: null };
      writeWhole(join(job.attempt_dir, 'exit.json'), exit);
    });
    return { ok: true, pid: child.pid };
  };
  let connections = 0;
  const endWhenIdle = (): void => {
    if (connections === 0 && jobs.size === 0) process.exit(0);
  };
  takeSocket(socketPath);
  createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.on('close', () => {
      connections--;
    });
    createInterface({ input: socket }).on('line', (line) => {
      void answerTo(JSON.parse(line) as WorkerCommand).then((answer) => socket.write(`${JSON.stringify(answer)}\n`));
    });
  }).listen(socketPath);
  setInterval(endWhenIdle, 1500);
}

/** One server a socket: the second ends as the real worker does. */
function takeSocket(socketPath: string): void {
  const lock = `${socketPath}.lock`;
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch {
    if (existsSync(`/proc/${readFileSync(lock, 'utf8')}`)) process.exit(3);
    writeFileSync(lock, String(process.pid));
  }
  rmSync(socketPath, { force: true });
}

function readJob(): TrainingJob {
  return JSON.parse(readFileSync(words[1]!, 'utf8')) as TrainingJob;
}

async function runMeasurement(job: TrainingJob): Promise<void> {
  const script = readScript(job);
  const send = sender(job.attempt_dir);
  const steps = script.steps ?? 4;
  send({ type: 'run-started', pid: process.pid, device: 'cpu', threads: 1, precision: 'fp32' });
  send({ type: 'data-checked', rows: 10, total_tokens: 500, trained_tokens: 200, longest_row_tokens: 60, total_steps: 5 });
  for (let step = 1; step <= steps; step++) {
    await wait(script.stepMs ?? 1);
    if (script.dieAt?.[0] === step) process.kill(process.pid, 'SIGKILL');
    if (script.failAt?.step === step) {
      send({ type: 'run-failed', ...script.failAt, next_step: 'Change something.', rows: [], row_count: 0 });
      process.exit(1);
    }
    send({ type: 'step-measured', step, steps, work: 1e9, seconds: 0.1, cpu_seconds: 0.1 });
  }
  send({ ...measuredUsually, ...script.measured });
}

async function runJob(job: TrainingJob): Promise<void> {
  const server = process.ppid;
  const script = readScript(job);
  const send = sender(job.attempt_dir);
  const steps = script.steps ?? 5;
  const first = job.resume_from === null ? 0 : Number(/step-(\d+)$/.exec(job.resume_from)![1]);
  send({ type: 'run-started', pid: process.pid, device: 'cpu', threads: 1, precision: 'fp32' });
  send({ type: 'data-checked', rows: 10, total_tokens: 500, trained_tokens: 200, longest_row_tokens: 60, total_steps: steps });
  const answerProbes = openProbes(job, script, send);
  let kept = 0;
  for (let step = first + 1; step <= steps; step++) {
    await wait(script.stepMs ?? 1);
    // The real worker's jobs end with their server too.
    if (process.ppid !== server) process.exit(1);
    const { action: control, keep } = script.isDeaf ? { action: null, keep: 0 } : readControl(job.attempt_dir);
    if (control === 'cancel') return send({ type: 'run-cancelled', step: step - 1, path: null });
    if (control === 'pause') {
      save(job, step - 1, send);
      return send({ type: 'run-paused', step: step - 1, path: `checkpoints/step-${step - 1}` });
    }
    if (script.failAt?.step === step) {
      send({
        type: 'run-failed',
        cause: script.failAt.cause,
        message: script.failAt.message,
        next_step: 'Change something.',
        rows: [],
        row_count: 0,
      });
      process.exit(1);
    }
    send(stepEvent(step, steps, script.losses?.[step - 1] ?? 1 / step));
    answerProbes(step);
    if (keep > kept) save(job, step, send, true);
    kept = keep;
    if (control === 'stop') return end(job, step, send, step < steps);
    for (const held: Buffer[] = []; script.hogAt === step; await wait(1)) held.push(Buffer.alloc(8 * 2 ** 20, 1));
    if (step % (script.checkpointEvery ?? steps + 1) === 0) save(job, step, send);
    if (script.dieAt?.[job.attempt - 1] === step) process.kill(process.pid, 'SIGKILL');
  }
  end(job, steps, send, false);
}

function end(job: TrainingJob, step: number, send: (event: Unsent) => void, stopped_early: boolean): void {
  const manifest_sha256 = writeArtifact(job, 'adapter', 'adapter', step);
  send({
    type: 'run-ended',
    step,
    path: 'adapter',
    manifest_sha256,
    trained_tokens: 1000,
    best_step: null,
    train_loss: 0.1,
    evaluation: null,
    seconds: 1,
    peak_memory_bytes: 1,
    stopped_early,
    stop: stopped_early ? { cause: 'asked', step, message: `Stopped early at step ${step}, as was asked` } : null,
    model_step: null,
  });
}

function stepEvent(step: number, total_steps: number, loss: number): Unsent {
  const figures = {
    loss,
    mean_token_accuracy: 0.5,
    learning_rate: 1e-3,
    grad_norm: 1,
    seen_tokens: step * 100,
    tokens_per_second: 100,
    step_seconds: 0.1,
  };
  return {
    type: 'run-step',
    step,
    total_steps,
    epoch: step / total_steps,
    ...figures,
    memory_bytes: 1,
    eta_seconds: total_steps - step,
    metrics: {},
    // One row of ten after the other.
    rows: [((step - 1) % 10) + 1],
  };
}

function save(job: TrainingJob, step: number, send: (event: Unsent) => void, kept = false): void {
  const path = `checkpoints/step-${step}`;
  if (existsSync(join(job.output_dir, path))) return;
  const manifest_sha256 = writeArtifact(job, 'checkpoint', path, step);
  const loss = 1 / Math.max(1, step);
  const evaluation = { loss, perplexity: Math.exp(loss), mean_token_accuracy: 0.5, metrics: {} };
  send({ type: 'checkpoint-saved', step, path, manifest_sha256, train_loss: loss, train_mean_token_accuracy: 0.5, evaluation, kept });
}

/** A folder with its manifest; returns the manifest's hash. */
function writeArtifact(job: TrainingJob, kind: ArtifactManifest['kind'], path: string, step: number): string {
  const folder = join(job.output_dir, path);
  const temporary = join(job.output_dir, `.tmp-${kind}-${step}`);
  mkdirSync(temporary, { recursive: true });
  const content = `adapter of step ${step}`;
  writeFileSync(join(temporary, 'adapter.gguf'), content);
  const manifest: ArtifactManifest = {
    version: 1,
    kind,
    run_id: job.run_id,
    attempt: job.attempt,
    step,
    base_model: job.model,
    base_sha256: job.base_sha256,
    config_sha256: '',
    files: [{ path: 'adapter.gguf', size: content.length, sha256: sha256(content) }],
  };
  const text = JSON.stringify(manifest);
  writeFileSync(join(temporary, 'manifest.json'), text);
  mkdirSync(join(folder, '..'), { recursive: true });
  renameSync(temporary, folder);
  return sha256(text);
}

function sender(attemptDir: string): (event: Unsent) => void {
  let seq = 0;
  return (event) =>
    appendFileSync(join(attemptDir, 'events.jsonl'), `${JSON.stringify({ seq: ++seq, at: Date.now() / 1000, ...event })}\n`);
}

function readScript(job: TrainingJob): WorkerScript {
  const data = join(job.output_dir, '..', '..');
  const path = [join(data, `script-${job.run_id}.json`), join(data, 'script.json')].find((one) => existsSync(one));
  return path ? (JSON.parse(readFileSync(path, 'utf8')) as WorkerScript) : {};
}

function readControl(attemptDir: string): WorkerControl {
  const path = join(attemptDir, 'control.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as WorkerControl) : { action: null, keep: 0 };
}

/** Answers probes with words that name step and question: as the real worker does, at steps only, and each question once. */
function openProbes(job: TrainingJob, script: WorkerScript, send: (event: Unsent) => void): (step: number) => void {
  const { probes } = job;
  if (!probes) return () => {};
  const done = new Set<string>();
  if (probes.automatic) {
    const picked: Probe = {
      id: 'probe-auto-1',
      origin: 'training',
      messages: [{ role: 'user', content: 'What is 1?' }],
      reference: '1 is 1.',
    };
    probes.pinned.push(picked);
    send({ type: 'probe-added', probe: picked });
  }
  return (step) => {
    const path = join(job.attempt_dir, 'probes.json');
    const asked = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as WorkerProbes) : { pinned: [], removed: [], questions: [] };
    for (const { probe, asked_at } of asked.questions) {
      if (!done.has(probe.id)) answerProbe(job, probe, step, Date.now() / 1000 - asked_at, send);
      done.add(probe.id);
    }
    if (script.roundEvery === undefined || step % script.roundEvery !== 0) return;
    const known = new Map([...probes.pinned, ...asked.pinned].map((probe) => [probe.id, probe]));
    for (const probe of known.values()) if (!asked.removed.includes(probe.id)) answerProbe(job, probe, step, null, send);
    send({ type: 'probe-round', step, share: 0.04, interval_steps: script.roundEvery, seconds: 0.01 });
  };
}

function answerProbe(job: TrainingJob, probe: Probe, step: number, waited_seconds: number | null, send: (event: Unsent) => void): void {
  const words = [`step ${step} says:`, ` ${probe.messages.at(-1)!.content}`];
  for (const [index, text] of words.entries()) {
    const delta: ProbeDelta = { probe_id: probe.id, lane: 'live', step, text, state: 'answering', done: index === 1, waited_seconds };
    appendFileSync(join(job.attempt_dir, 'probe-tokens.jsonl'), `${JSON.stringify(delta)}\n`);
  }
  const figures = { tokens: 2, reference_loss: probe.reference === null ? null : 1 / step, first_token_seconds: 0.01, seconds: 0.02 };
  const answer: ProbeAnswer = {
    probe_id: probe.id,
    lane: 'live',
    step,
    text: words.join(''),
    finish_reason: 'stop',
    ...figures,
    waited_seconds,
  };
  send({ type: 'probe-answered', ...answer });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function writeWhole(path: string, value: object): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(value));
  renameSync(`${path}.tmp`, path);
}
