/** The questions that `doctor` asks, each answered by looking. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { defaultModel, projectRoot, type Config } from '#platform/config.ts';
import { CliError, toCliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { credentialsPath } from './credentials.ts';
import { httpAddress } from './address.ts';
import { readPlatformFile } from './platform-file.ts';
import { isTaken } from './start-platform.ts';

export interface Finding {
  name: string;
  state: 'ok' | 'warn' | 'wrong';
  message: string;
  /** What to do; null when nothing is wrong. */
  fix: string | null;
}

type Check = (context: Context, config: Config) => Promise<Finding> | Finding;

/** In the order in which one thing needs the other. */
const checks: Record<string, Check> = {
  node: () =>
    Number(process.versions.node.split('.')[0]) >= 24
      ? ok('node', process.versions.node)
      : wrong('node', `${process.versions.node} is older than 24`, 'node scripts/setup.mjs'),
  python: checkPython,
  data: checkData,
  disk: checkDisk,
  memory: () =>
    freemem() > 2e9
      ? ok('memory', gigabytes(freemem(), totalmem()))
      : warn('memory', gigabytes(freemem(), totalmem()), 'training the demo model takes about 2 GB; close something'),
  model: checkModel,
  credentials: checkCredentials,
  platform: checkPlatform,
  key: checkKey,
};

/** Settings that cannot be read end the examination at once: everything else depends on them. */
export async function examine(context: Context): Promise<Finding[]> {
  let config: Config;
  try {
    config = await context.config();
  } catch (error) {
    const { message, fix } = toCliError(error);
    return [wrong('settings', message, fix ?? 'see .env.example')];
  }
  const findings = [ok('settings', 'every TUNELOOP_ variable is known and fits')];
  for (const check of Object.values(checks)) findings.push(await check(context, config));
  return findings;
}

const ok = (name: string, message: string): Finding => ({ name, state: 'ok', message, fix: null });
const warn = (name: string, message: string, fix: string): Finding => ({ name, state: 'warn', message, fix });
const wrong = (name: string, message: string, fix: string): Finding => ({ name, state: 'wrong', message, fix });
const gigabytes = (free: number, total?: number): string =>
  `${(free / 1e9).toFixed(1)} GB free${total ? ` of ${(total / 1e9).toFixed(1)}` : ''}`;

/** Importing torch takes 17 CPU-seconds, so only its files are looked for. */
function checkPython(_context: Context, { python }: Config): Finding {
  const fix = `cd ${projectRoot} && node scripts/setup.mjs`;
  if (!existsSync(python)) return wrong('python', `there is no ${python}`, fix);
  try {
    const question =
      'import sys, importlib.util as u; print(sys.version.split()[0], *[n for n in ("torch", "transformers", "peft", "trl") if u.find_spec(n) is None])';
    const [version, ...missing] = execFileSync(python, ['-c', question], { encoding: 'utf8' }).trim().split(' ');
    return missing.length === 0
      ? ok('python', `${version} with torch, transformers, peft and trl`)
      : wrong('python', `${missing.join(', ')} missing in ${python}`, fix);
  } catch (error) {
    return wrong('python', `${python} does not run: ${(error as Error).message.split('\n')[0]}`, fix);
  }
}

function checkData(_context: Context, { data }: Config): Finding {
  try {
    mkdirSync(data, { recursive: true });
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok('data', data);
  } catch (error) {
    return wrong(
      'data',
      `${data} cannot be written: ${(error as Error).message}`,
      'give yourself the rights, or set TUNELOOP_DATA to another folder',
    );
  }
}

function checkDisk(_context: Context, { data }: Config): Finding {
  const { bavail, bsize } = statfsSync(existsSync(data) ? data : projectRoot);
  const free = bavail * bsize;
  return free > 2e9
    ? ok('disk', gigabytes(free))
    : warn('disk', `${gigabytes(free)} at ${data}`, 'checkpoints need room: free some, or move TUNELOOP_DATA');
}

function checkModel(_context: Context, config: Config): Finding {
  const { data } = config;
  const id = defaultModel(config);
  const manifest = join(data, 'models', id.replaceAll('/', '---'), 'manifest.json');
  return existsSync(manifest)
    ? ok('model', `${id} is ready`)
    : warn('model', `${id} is not in ${data}`, `tuneloop model pull ${id} --local`);
}

function checkCredentials({ environment }: Context): Finding {
  const path = credentialsPath(environment);
  if (!existsSync(path)) return warn('credentials', 'no key is kept', 'tuneloop login');
  if ((statSync(path).mode & 0o077) !== 0) return wrong('credentials', `others may read ${path}`, `chmod 600 ${path}`);
  return ok('credentials', path);
}

async function checkPlatform(context: Context, config: Config): Promise<Finding> {
  const client = await context.client();
  try {
    const { version, status } = await client.ask<{ version: string; status: string }>('/health');
    return status === 'ok'
      ? ok('platform', `${version} answers at ${client.address}`)
      : wrong('platform', `it is ${status} at ${client.address}`, logHint(config));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const running = readPlatformFile(config.data);
    if (running)
      return wrong(
        'platform',
        `process ${running.pid} serves ${config.data} but does not answer at ${client.address}`,
        `tuneloop down, then tuneloop up; ${logHint(config)}`,
      );
    if (await isTaken(config.host, config.port))
      return wrong('platform', `something else listens at ${httpAddress(config.host, config.port)}`, 'tuneloop up --port 0');
    return warn('platform', `nothing answers at ${client.address}`, 'tuneloop up');
  }
}

function logHint({ data }: Config): string {
  const log = join(data, 'platform.log');
  if (!existsSync(log)) return 'look at what tuneloop up prints';
  const last = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1)!;
  return `see ${log}; its last line: ${last.slice(0, 200)}`;
}

async function checkKey(context: Context): Promise<Finding> {
  const client = await context.client();
  try {
    await client.ask('/v1/models');
    return ok('key', client.key ? 'the platform takes it' : 'none is needed: the platform is open');
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return error.code === 'server_unreachable'
      ? warn('key', 'not tried: no platform answers', 'tuneloop up')
      : wrong('key', error.message, error.fix ?? 'tuneloop login');
  }
}
