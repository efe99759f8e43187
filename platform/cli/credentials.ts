/** The keys a person has for platforms, by address and by data folder: a file that only they can read. It belongs to the client; the platform never writes it. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CliError } from './cli-error.ts';

export interface Credentials {
  /** Address of the platform used last. */
  current: string | null;
  /** By address, and for platforms of this machine by data folder too (`file:///…`): those keep their key when their port changes. */
  keys: Record<string, string>;
}

/** Null when there is none. `data` is the folder that a platform of this machine serves at that address. */
export function keyFor({ keys }: Credentials, address: string, data: string | null): string | null {
  return keys[address] ?? (data === null ? undefined : keys[pathToFileURL(data).href]) ?? null;
}

export function credentialsPath(environment: Record<string, string | undefined>): string {
  return join(environment.XDG_CONFIG_HOME || join(environment.HOME || homedir(), '.config'), 'tuneloop', 'credentials.json');
}

export function readCredentials(environment: Record<string, string | undefined>): Credentials {
  const path = credentialsPath(environment);
  try {
    return { current: null, keys: {}, ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<Credentials>) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, keys: {} };
    if (error instanceof SyntaxError) throw new CliError('usage', `${path} is not valid JSON`, { fix: `rm ${path}, then tuneloop login` });
    throw error;
  }
}

/** Keeps the key of this address and data folder, and makes it the platform that commands speak to. Written whole, by rename. */
export function saveKey(environment: Record<string, string | undefined>, address: string, key: string, data: string | null = null): void {
  const path = credentialsPath(environment);
  const before = readCredentials(environment);
  const ofFolder = data === null ? {} : { [pathToFileURL(data).href]: key };
  const content: Credentials = { current: address, keys: { ...before.keys, ...ofFolder, [address]: key } };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  chmodSync(unfinished, 0o600);
  renameSync(unfinished, path);
}
