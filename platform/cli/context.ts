/** What a command is handed: the terminal, its output, the settings, and a client of the platform; each opened when first asked for. */
import type { Writable, Readable } from 'node:stream';
import type { Config } from '#platform/config.ts';
import { findAddress } from './address.ts';
import { Client } from './client.ts';
import { keyFor, readCredentials } from './credentials.ts';
import { openOutput, type Output } from './output.ts';
import { readPlatformFile } from './platform-file.ts';

export interface Terminal {
  environment: Record<string, string | undefined>;
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean; columns?: number };
}

export interface Context extends Terminal {
  out: Output;
  /** The settings of the environment. Throws `setting_invalid`. */
  config: () => Promise<Config>;
  client: () => Promise<Client>;
  /** Aborts at Ctrl-C from the first call on; until then Ctrl-C ends the process, as everywhere. */
  interrupted: () => AbortSignal;
  close: () => void;
}

/** `fields` is null for text, [] for JSON, else the fields picked. */
export function openContext(terminal: Terminal, fields: string[] | null): Context {
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  let settings: Promise<Config> | undefined;
  const config = (): Promise<Config> => {
    settings ??= import('#platform/config.ts').then(({ readConfig }) => readConfig(terminal.environment));
    return settings;
  };
  return {
    ...terminal,
    out: openOutput(terminal.stdout, terminal.stderr, fields),
    config,
    async client() {
      const credentials = readCredentials(terminal.environment);
      const { key, data, ...settings } = await config();
      const running = readPlatformFile(data);
      const address = findAddress(settings, terminal.environment, credentials, running);
      return new Client(address, key ?? keyFor(credentials, address, running?.address === address ? data : null));
    },
    interrupted() {
      if (process.listeners('SIGINT').includes(onInterrupt)) return interrupt.signal;
      process.once('SIGINT', onInterrupt);
      return interrupt.signal;
    },
    close: () => void process.off('SIGINT', onInterrupt),
  };
}
