/** The one error class of the platform: a failure that a caller can act on. Anything else thrown is a bug. */
import { errorKinds, type ErrorBody, type ErrorCode } from '#contract/errors.ts';

export interface ErrorDetails {
  cause?: unknown;
  /** Path of the field at fault, as the caller spelt it: `messages[0].content`. */
  param?: string | null;
  /** Seconds after which the same call may succeed. */
  retryAfterSeconds?: number;
}

export class PlatformError extends Error {
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'PlatformError';
    this.code = code;
    this.param = details.param ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
  }

  /** HTTP status, 400…599. */
  get status(): number {
    return errorKinds[this.code].status;
  }

  /** The body that OpenAI's clients parse: all four keys, `code` and `param` a string or null. */
  toBody(): ErrorBody {
    return { error: { message: this.message, type: errorKinds[this.code].type, param: this.param, code: this.code } };
  }
}
