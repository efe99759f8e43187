/** A platform for tests: a real process with its own data folder, port and credentials, serving the scripted model. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './start-platform.ts';
import { runOnTestTerminal, type Ran } from './test-terminal.ts';

export interface TestPlatform {
  /** For command lines that speak to it. */
  environment: Record<string, string>;
  address: string;
  key: string;
  data: string;
  /** Runs a command line against it. */
  run(words: string[], input?: string): Promise<Ran>;
  stop(): Promise<void>;
}

/** `settings` come on top of the environment. */
export async function startTestPlatform(settings: Record<string, string> = {}): Promise<TestPlatform> {
  const folder = mkdtempSync(join(tmpdir(), 'tuneloop-cli-'));
  const environment: Record<string, string> = {
    PATH: process.env.PATH!,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    TUNELOOP_DATA: join(folder, 'data'),
    TUNELOOP_PORT: String(await freePort('127.0.0.1')),
    TUNELOOP_ENGINE: 'scripted',
    ...settings,
  };
  const run = (words: string[], input?: string): Promise<Ran> => runOnTestTerminal(words, environment, input);
  const { exitCode, stdout, stderr } = await run(['up', '--detach', '--json']);
  if (exitCode !== 0) throw new Error(`the platform did not start: ${stderr}`);
  const { address, key } = JSON.parse(stdout) as { address: string; key: string };
  const stop = async (): Promise<void> => {
    await run(['down']);
    rmSync(folder, { recursive: true, force: true });
  };
  return { environment, address, key, data: environment.TUNELOOP_DATA!, run, stop };
}
