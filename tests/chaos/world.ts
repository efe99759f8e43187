/** A real platform with all it stands on, that faults may take apart and that puts itself together again. */
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Failpoint } from '#platform/core/failpoint.ts';
import { tinyModel, writeFiles } from '#platform/models/test-model.ts';
import { emptyPglite, preparePglite, preparePostgres, type PostgresServer } from '../database-servers.ts';
import { freePort, newDataDir, removeDataDir, startPlatform, type RunningPlatform } from '../running-platform.ts';
import { engineOf, jobsOf, signal, workerOf } from './processes.ts';

export interface WorldKind {
  database: 'pglite' | 'postgres';
  engine: 'scripted' | 'llama-cpp';
}

export const baseModel = 'tiny';
/** Room for the database, some runs, and not much more: a full disk is soon full. */
const diskMegabytes = 192;
const disturbance = pathToFileURL(join(import.meta.dirname, 'disturb-process.ts')).href;

export class World {
  readonly kind: WorldKind;
  readonly dataDir: string;
  readonly postgres: PostgresServer | null;
  readonly url: string;
  /** Whether the data folder is a disk of its own, which can be filled. */
  readonly hasOwnDisk: boolean;
  /** What went wrong without anybody's doing. */
  readonly surprises: string[] = [];
  #platform: RunningPlatform | null = null;
  #failpoint: Failpoint | null = null;
  /** Starts and ends of the platform come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(kind: WorldKind, dataDir: string, postgres: PostgresServer | null, port: number, hasOwnDisk: boolean) {
    this.kind = kind;
    this.dataDir = dataDir;
    this.postgres = postgres;
    this.url = `http://127.0.0.1:${port}`;
    this.hasOwnDisk = hasOwnDisk;
  }

  static async open(kind: WorldKind): Promise<World> {
    const dataDir = newDataDir();
    const hasOwnDisk = mountDisk(dataDir);
    writeFiles(join(dataDir, 'source'), tinyModel());
    mkdirSync(join(dataDir, 'catalog'));
    writeFileSync(join(dataDir, 'catalog', 'tiny.yaml'), JSON.stringify(catalogEntry(join(dataDir, 'source'))));
    const postgres = kind.database === 'postgres' ? await preparePostgres() : null;
    await postgres?.start();
    if (!postgres) {
      await preparePglite();
      cpSync(emptyPglite(), join(dataDir, 'pglite'), { recursive: true });
    }
    const world = new World(kind, dataDir, postgres, await freePort(), hasOwnDisk);
    await world.start();
    return world;
  }

  get key(): string {
    return 'sk-tl-whole-path-owner-key';
  }

  /** Null while it is down. */
  get platformPid(): number | null {
    return this.#platform?.process.pid ?? null;
  }

  get enginePid(): number | null {
    return this.platformPid === null ? null : engineOf(this.platformPid);
  }

  get workerPid(): number | null {
    return workerOf(this.dataDir);
  }

  get jobPids(): number[] {
    return jobsOf(this.dataDir);
  }

  /** Until it is up; nothing when it is. A database that is away is waited for. */
  start(failpoint: Failpoint | null = null): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#platform || this.#isClosed) return;
      this.#failpoint = failpoint;
      const untilMs = performance.now() + 60_000;
      for (;;) {
        const started = await startPlatform(this.dataDir, this.#environment()).catch((error: unknown) => {
          if (performance.now() > untilMs) throw error;
          return null;
        });
        if (started) return this.#watch(started);
        // It may have come to its failpoint before it could answer.
        this.#failpoint = null;
        await wait(300);
      }
    });
  }

  /** SIGKILL, or SIGTERM, which drains. */
  stop(how: 'kill' | 'stop'): Promise<void> {
    return this.#inTurn(async () => {
      const platform = this.#platform;
      this.#platform = null;
      if (platform) signal(platform.process.pid!, 'SIGCONT');
      await platform?.[how]();
    });
  }

  fillDisk(): void {
    if (!this.hasOwnDisk) return;
    const filler = openSync(this.#filler, 'a');
    // A write that gets no room throws, one that gets some of it is short: either way the disk is full.
    const zeros = Buffer.alloc(2 ** 20);
    try {
      while (writeSync(filler, zeros) === zeros.length);
    } catch {
      return;
    } finally {
      closeSync(filler);
    }
  }

  freeDisk(): void {
    rmSync(this.#filler, { force: true });
  }

  /** By how much the platform's clock is off from now on. */
  shiftClock(milliseconds: number): void {
    writeFileSync(this.#clock, String(milliseconds));
  }

  /** After a round everything runs: database, platform, worker, with room on the disk and the clock right. */
  async heal(): Promise<void> {
    this.freeDisk();
    this.shiftClock(0);
    await this.postgres?.start();
    for (const pid of [this.platformPid, this.enginePid, this.workerPid, ...this.jobPids]) signal(pid, 'SIGCONT');
    await this.start();
  }

  async close(): Promise<void> {
    await this.stop('stop').catch(() => {});
    this.#isClosed = true;
    for (const pid of [...this.jobPids, this.workerPid]) signal(pid, 'SIGKILL');
    await this.postgres?.remove();
    if (this.hasOwnDisk) execFileSync('umount', ['--lazy', this.dataDir]);
    removeDataDir(this.dataDir);
    rmSync(this.#clock, { force: true });
  }

  get #filler(): string {
    return join(this.dataDir, 'filler');
  }

  /** Outside the data folder, which may be full. */
  get #clock(): string {
    return `${this.dataDir}.clock`;
  }

  #environment(): Record<string, string> {
    return {
      TUNELOOP_PORT: new URL(this.url).port,
      TUNELOOP_KEY: this.key,
      TUNELOOP_DATABASE: this.postgres?.address ?? '',
      TUNELOOP_ENGINE: this.kind.engine,
      TUNELOOP_ENGINE_CONTEXT: '256',
      TUNELOOP_ENGINE_THREADS: '1',
      TUNELOOP_WARM_MODEL: existsSync(join(this.dataDir, 'models', baseModel)) ? baseModel : 'none',
      TUNELOOP_PARITY: 'false',
      TUNELOOP_MAX_RUNS: '2',
      NODE_OPTIONS: `--import=${disturbance}`,
      TUNELOOP_TEST_CLOCK: this.#clock,
      ...(this.#failpoint && { TUNELOOP_TEST_FAILPOINT: this.#failpoint }),
    };
  }

  /** A platform that ends by itself is a fault of ours, unless it came to the failpoint that it was given; either way it starts again. */
  #watch(platform: RunningPlatform): void {
    this.#platform = platform;
    platform.process.once('exit', (code, ended) => {
      if (this.#platform !== platform) return;
      this.#platform = null;
      const wasFailpoint = ended === 'SIGKILL' && this.#failpoint !== null;
      if (!wasFailpoint) this.surprises.push(`the platform ended by itself (${ended ?? code}): ${platform.output().slice(-2000)}`);
      this.start().catch((error: unknown) => this.surprises.push(`the platform does not start again: ${String(error)}`));
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

function mountDisk(folder: string): boolean {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m,mode=0700`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function catalogEntry(path: string): object {
  return {
    id: baseModel,
    name: 'Tiny',
    architecture: 'llama',
    parameters: 100_000,
    layers: 2,
    context_length: 256,
    license: 'none',
    chat: true,
    source: { type: 'local', path },
    memory_gb: { lora: 1, qlora: 1, inference: 1 },
    target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
  };
}
