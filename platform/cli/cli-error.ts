/** A failure as the terminal tells it: code, what, why, what to do, where to read on, and its exit code. */
import type { Writable } from 'node:stream';
import type { PlatformError } from '#platform/core/errors.ts';
import { errorHelp, exitCodes, type CliCode } from './error-help.ts';

export interface FailureDetails {
  /** The fact behind it. */
  why?: string;
  /** A command or a sentence; the code's own when left out. */
  fix?: string;
  requestId?: string | null;
  exitCode?: number;
  cause?: unknown;
}

export class CliError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly why: string | null;
  readonly fix: string | null;
  readonly requestId: string | null;

  constructor(code: CliCode | (string & {}), message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CliError';
    const help = Object.hasOwn(errorHelp, code) ? errorHelp[code as CliCode] : { exitCode: exitCodes.failed, fix: null };
    this.code = code;
    this.exitCode = details.exitCode ?? help.exitCode;
    this.why = details.why ?? null;
    this.fix = details.fix ?? help.fix;
    this.requestId = details.requestId ?? null;
  }
}

/** A failure of our own rooms (of `up`, `doctor`, `model pull --local`) as the terminal tells it. A bug is thrown on. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (isPlatformError(error)) return new CliError(error.code, error.message, { cause: error });
  throw error;
}

/** By its name: the class brings the contract and zod with it, which `tuneloop --help` has no time for. */
function isPlatformError(error: unknown): error is PlatformError {
  return error instanceof Error && error.name === 'PlatformError';
}

/** The answer of a server that failed, in OpenAI's error shape or not. */
export function answerFailure(status: number, body: string, requestId: string | null): CliError {
  const error = readError(body);
  const code = error?.code ?? `http_${status}`;
  const isKnown = Object.hasOwn(errorHelp, code);
  const message = error?.message ?? `the server answered ${status}: ${body.slice(0, 200)}`;
  const fromStatus = status === 401 || status === 403 ? 4 : status === 404 ? 5 : status >= 502 ? 7 : 1;
  return new CliError(code, message, {
    requestId,
    exitCode: isKnown ? undefined : fromStatus,
    why: error?.param ? `field ${error.param}` : undefined,
  });
}

function readError(body: string): { code: string | null; message: string; param: string | null } | null {
  try {
    return (JSON.parse(body) as { error?: { code: string | null; message: string; param: string | null } }).error ?? null;
  } catch {
    return null; // not ours: a proxy's page, or another program at this address
  }
}

export function printFailure(stderr: Writable, error: CliError, asJson: boolean): void {
  const docs = `docs/troubleshooting.md#${error.code}`;
  const { code, message, why, fix, requestId: request_id } = error;
  if (asJson) {
    stderr.write(`${JSON.stringify({ error: { code, message, why, fix, docs, request_id } })}\n`);
    return;
  }
  const lines = [`✗ ${code}  ${message}`];
  if (why) lines.push(`  why  ${why}`);
  if (fix) lines.push(`  fix  ${fix}`);
  lines.push(`  docs ${docs}${request_id ? `   request ${request_id}` : ''}`);
  stderr.write(`${lines.join('\n')}\n`);
}
