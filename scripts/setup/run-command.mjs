/** Runs the command of a step: its output goes to a log, line by line past whoever shows the progress. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { rememberChild } from './lock.mjs';
import { logs, root } from './paths.mjs';
import { StepFailure } from './step-failure.mjs';

/** PATH without node_modules/.bin: what replaces that folder must not run from it. */
export function outsidePath() {
  const entries = (process.env.PATH ?? '').split(delimiter);
  return entries.filter((entry) => !entry.endsWith(join('node_modules', '.bin'))).join(delimiter);
}

/**
 * Resolves when the command has ended with 0; a StepFailure with the end of the log otherwise.
 * @param {string} command
 * @param {string[]} parameters
 * @param {{ log: string, fix: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void, everySecond?: (pid: number) => void }} options
 *   `log` names a file in .tools/logs
 */
export async function runCommand(command, parameters, { log, fix, env = {}, onLine, everySecond }) {
  mkdirSync(logs, { recursive: true });
  const logPath = join(logs, `${log}.log`);
  const file = openSync(logPath, 'w');
  writeSync(file, `${command} ${parameters.join(' ')}\n`);
  const child = spawn(command, parameters, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const forget = rememberChild(child);
  const timer = setInterval(() => child.pid && everySecond?.(child.pid), 1000);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      writeSync(file, `${line}\n`);
      onLine?.(line);
    });
  }
  try {
    const { code, signal } = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    if (code !== 0) {
      throw new StepFailure(`${basename(command)} ${parameters[0] ?? ''} ended with ${signal ?? `exit code ${code}`}`, {
        fix,
        log: logPath,
      });
    }
  } catch (error) {
    if (error instanceof StepFailure) throw error;
    throw new StepFailure(`${command} could not be started: ${error.message}`, { fix, log: logPath });
  } finally {
    clearInterval(timer);
    forget();
    closeSync(file);
  }
}
