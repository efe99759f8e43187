/** Graders of type python: code that came with a request. It runs in the sandbox that the operator named, never in this process. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { gradersOf, type GraderRequest } from '#contract/openai/graders.ts';
import { PlatformError } from './errors.ts';

/** Code of a request, and the path of its grader there. */
export interface PythonPart {
  source: string;
  path: string;
}

/** A line of what the program in the sandbox says: that the code is loaded, then a score or an error for each answer. */
export type SandboxLine = { ready: true } | { score: number } | { error: string };

/** The same that the worker runs. */
const program = new URL('../../worker/sandboxed.py', import.meta.url);
/** The program lets one answer take 5 s; a container takes seconds to start. */
const timeoutMs = 60_000;
const mostOutput = 65_536;

/** The graders of a request that are code. */
export function pythonGraders(grader: GraderRequest, path: string): PythonPart[] {
  const parts = grader.type === 'multi' ? gradersOf(grader) : [{ grader, path: '' }];
  return parts.flatMap(({ grader: part, path: below }) =>
    part.type === 'python' ? [{ source: part.source, path: below === '' ? path : `${path}.${below}` }] : [],
  );
}

/**
 * Loads each of them once. Throws `unsupported_value` where no sandbox is named, `invalid_request` for code that cannot be loaded,
 * `setting_invalid` for a sandbox that fails.
 */
export async function requirePythonGraders(sandbox: readonly string[], parts: readonly PythonPart[]): Promise<void> {
  for (const { source, path } of parts) {
    if (sandbox.length === 0) {
      const message = `${path}.type: Python graders run in a sandbox, and the operator of this server has named none in TUNELOOP_GRADER_SANDBOX; use string_check, text_similarity, score_model or multi`;
      throw new PlatformError('unsupported_value', message, { param: `${path}.type` });
    }
    const [loaded] = await runInSandbox(sandbox, source, []);
    if ('error' in loaded!) throw new PlatformError('invalid_request', `${path}.source: ${loaded.error}`, { param: `${path}.source` });
  }
}

/**
 * What comes out: at least one line, and one more for each that was asked, as far as the code came. Throws `setting_invalid` when the
 * sandbox itself fails.
 */
export async function runInSandbox(
  command: readonly string[],
  source: string,
  asked: readonly object[],
  limitMs = timeoutMs,
): Promise<SandboxLine[]> {
  const code = await readFile(program, 'utf8');
  const input = [{ source }, ...asked].map((line) => `${JSON.stringify(line)}\n`).join('');
  const { text, reason } = await say([...command, '-I', '-c', code], input, limitMs);
  // A grader may end its sandbox; what was said before counts.
  const lines = text.split('\n').slice(0, -1);
  if (lines.length > 0) return lines.map(readLine);
  throw new PlatformError('setting_invalid', `the sandbox of TUNELOOP_GRADER_SANDBOX fails: ${reason}`);
}

/** What a command says when it is told this, up to a limit, and how it ended. It is ended together with all that it started. */
function say([command, ...parameters]: string[], input: string, limitMs: number): Promise<{ text: string; reason: string }> {
  return new Promise((resolve) => {
    // Leader of a group of its own: what it starts is ended with it, and cannot hold the pipe open.
    const child = spawn(command!, parameters, {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    let text = '';
    let reason: string | null = null;
    const end = (why: string): void => {
      reason ??= why;
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // All of it has ended, or it never began.
      }
    };
    const timer = setTimeout(() => end(`it took longer than ${limitMs / 1000} s`), limitMs);
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (text.length > mostOutput) end(`it said more than ${mostOutput} characters`);
    });
    // It may have ended before it has read everything.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const settle = (how: string): void => {
      clearTimeout(timer);
      resolve({ text: text.slice(0, mostOutput), reason: reason ?? how });
    };
    child.once('error', (error) => settle(error.message));
    child.once('close', (status, signal) => settle(`it said nothing and ended with ${signal ?? status}`));
  });
}

/** Code may find the way out that scores take; it only spoils its own. */
function readLine(line: string): SandboxLine {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as SandboxLine;
  } catch {
    // Said below.
  }
  return { error: `what it said is no score: ${line.slice(0, 200)}` };
}
