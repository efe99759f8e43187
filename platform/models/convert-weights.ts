/** Weights to train from weights to serve, and the other way round: both by the Python worker. */
import { spawn } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { projectRoot } from '#platform/config.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** De-quantises a GGUF file into a folder that can be trained on; the folder is there whole, or not at all. */
export async function convertToSafetensors(python: string, gguf: string, folder: string): Promise<void> {
  const half = `${folder}.half`;
  rmSync(half, { recursive: true, force: true });
  const { exitCode, log } = await runWorker(python, ['worker', 'convert', '--gguf', gguf, '--out', half]);
  if (exitCode !== 0) throw refused('the GGUF file cannot be made into weights to train', log);
  renameSync(half, folder);
}

/**
 * Makes the F16 GGUF file that is served from a folder of safetensors. An architecture that llama.cpp does not know makes none:
 * then `onUnsupported` is told why, and the model can still be trained.
 */
export async function convertToGguf(python: string, folder: string, gguf: string, onUnsupported: (why: string) => void): Promise<void> {
  const half = `${gguf}.half`;
  rmSync(half, { force: true });
  const { exitCode, log } = await runWorker(python, ['worker.convert_base', '--model', folder, '--out', half]);
  if (exitCode === unsupportedExit) return onUnsupported(lastLine(log));
  if (exitCode !== 0) throw refused('the weights cannot be made into a GGUF file to serve', log);
  renameSync(half, gguf);
}

/** What worker/convert_base.py ends with when llama.cpp does not know the architecture. */
const unsupportedExit = 3;

/** Runs one command of the worker to its end; `log` is the last 16 kB that it printed. */
async function runWorker(python: string, command: string[]): Promise<{ exitCode: number | null; log: string }> {
  const worker = spawn(python, ['-m', ...command], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing of the platform's own environment: it holds secrets, and a converter needs none of them.
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: homedir(), HF_HUB_OFFLINE: '1', PYTHONUNBUFFERED: '1' },
  });
  let log = '';
  for (const stream of [worker.stdout, worker.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('utf8')).slice(-16_000);
    });
  }
  return new Promise((resolve, reject) => {
    worker.once('error', (cause) => {
      const message = `the worker's Python ${python} cannot be started: run "npm run setup", or correct TUNELOOP_PYTHON`;
      reject(new PlatformError('worker_unavailable', message, { cause }));
    });
    worker.once('close', (exitCode) => resolve({ exitCode, log }));
  });
}

function refused(what: string, log: string): PlatformError {
  return new PlatformError('model_refused', `${what}: ${lastLine(log)}`, { cause: new Error(log) });
}

function lastLine(log: string): string {
  return log.trim().split('\n').at(-1) ?? '';
}
