/** The embedded database: PGlite in a folder, with real fsync and a small footprint. */
import { execFile } from 'node:child_process';
import { existsSync, fsyncSync, globSync, mkdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { PlatformError } from '#platform/core/errors.ts';
import { syncTree } from './sync-tree.ts';

/**
 * PostgreSQL's own settings. With its defaults (128 MB of shared buffers) PGlite costs 340 MB of memory, with these and
 * `lowerMemory` 75 MB. `fdatasync` does nothing in its file system; `fsync` reaches `DurableFiles` below.
 */
const settings = [
  'shared_buffers=8MB',
  'max_connections=4',
  'wal_buffers=256kB',
  'min_wal_size=8MB',
  'max_wal_size=64MB',
  'wal_sync_method=fsync',
];

/** Opens the database in `folder`, and makes it first when there is none (5 CPU-seconds, once). */
export async function openPglite(folder: string): Promise<PGlite> {
  if (!existsSync(join(folder, 'PG_VERSION'))) await createPglite(folder);
  lowerMemory();
  let log = '';
  const pglite = new PGlite({
    fs: new DurableFiles(folder),
    // PGlite's own list starts with -F, which switches fsync off.
    startParams: [...PGlite.defaultStartParams.filter((flag) => flag !== '-F'), ...settings.flatMap((setting) => ['-c', setting])],
    // int8, such as count(*): a number, as with node-postgres here.
    parsers: { 20: Number },
    relaxedDurability: false,
    onStderr: (text) => {
      log = `${log}${text}\n`.slice(-4000);
      return false;
    },
  });
  try {
    await pglite.waitReady;
  } catch (cause) {
    throw startFailure(folder, log, cause);
  }
  return pglite;
}

/** Recovery after a crash writes, so that a full disk is the usual reason. */
function startFailure(folder: string, log: string, cause: unknown): PlatformError {
  if (/no space left/i.test(log) || freeBytes(folder) < neededBytes) {
    const message = `the database in ${folder} cannot be opened, because the disk is full: free ${neededBytes / 1e6} MB, then try again`;
    return new PlatformError('disk_full', message, { cause, retryAfterSeconds: 10 });
  }
  const why = log.trim().split('\n').slice(-3).join(' ') || (cause as Error).message;
  return new PlatformError('database_unavailable', `the database in ${folder} cannot be opened: ${why}. Restore a backup of the folder`, {
    cause,
  });
}

/** For the log that recovery writes. */
const neededBytes = 16e6;

function freeBytes(folder: string): number {
  const disk = statfsSync(folder);
  return disk.bavail * disk.bsize;
}

/**
 * Makes the database in a process of its own, since that takes 500 MB which this one would not give back, and in a folder of its
 * own, so that one that was cut short is never taken for a database. The caller holds the lock of the data folder.
 */
export async function createPglite(folder: string): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  // A name of its own each time: the maker of a platform that was killed may still be at work in its folder.
  for (const left of globSync(`${folder}.creating-*`)) rmSync(left, { recursive: true, force: true, maxRetries: 3 });
  const half = `${folder}.creating-${process.pid}`;
  const create = `
    import { PGlite } from '@electric-sql/pglite';
    await (await PGlite.create(process.argv[1], { initDbStartParams: ['--wal-segsize=1'] })).close();`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', create, half], { cwd: import.meta.dirname });
  syncTree(half);
  renameSync(half, folder);
  syncTree(dirname(folder), { deep: false });
}

/** The folder's files, with an fsync that reaches the disk: Emscripten's file system for Node has none. */
class DurableFiles extends NodeFS {
  override async init(...[pglite, options]: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pglite, options);
    const preRun = [emscriptenOpts.preRun ?? []].flat();
    const giveFsync = (module: { FS: { filesystems: { NODEFS: { stream_ops: Record<string, unknown> } } } }) => {
      module.FS.filesystems.NODEFS.stream_ops['fsync'] = (stream: { nfd: number }) => {
        fsyncSync(stream.nfd);
        return 0;
      };
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...preRun, giveFsync as unknown as (typeof preRun)[number]] } };
  }
}

/**
 * Keeps V8 from compiling PostgreSQL a second time with its optimising compiler: that takes 110 MB, and gains nothing at queries as
 * small as ours (0.37 ms of CPU an insert without, 0.44 with). Read when a module is compiled, so it has to come first.
 */
function lowerMemory(): void {
  setFlagsFromString('--liftoff-only');
  setFlagsFromString('--no-wasm-dynamic-tiering');
  setFlagsFromString('--no-wasm-tier-up');
}
