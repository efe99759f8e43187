/** A request that failed, as a page shows it: the platform's own code and words, and the request it was. */
import type { ErrorBody, ErrorCode } from '#contract/errors.ts';

/** `unreachable` is ours: nothing answered. */
export type FailureCode = ErrorCode | 'unreachable' | 'unknown';

export class ApiFailure extends Error {
  readonly code: FailureCode;
  /** HTTP status; 0 when nothing answered. */
  readonly status: number;
  /** The field of the request that is wrong, when one is: `extensions.adapter.r`. */
  readonly param: string | null;
  readonly requestId: string | null;

  constructor(fields: { code: FailureCode; message: string; status: number; param?: string | null; requestId?: string | null }) {
    super(fields.message);
    this.name = 'ApiFailure';
    this.code = fields.code;
    this.status = fields.status;
    this.param = fields.param ?? null;
    this.requestId = fields.requestId ?? null;
  }
}

export function unreachable(): ApiFailure {
  return new ApiFailure({
    code: 'unreachable',
    status: 0,
    message: 'The platform does not answer. If it was stopped, start it with "npm start"; this page goes on by itself.',
  });
}

/** Also of an answer that is not ours, such as a proxy's page. */
export async function failureOf(response: Response): Promise<ApiFailure> {
  const requestId = response.headers.get('x-request-id');
  const body = (await response.json().catch(() => null)) as Partial<ErrorBody> | null;
  const error = body?.error;
  return new ApiFailure({
    code: (error?.code as ErrorCode | null | undefined) ?? 'unknown',
    message: error?.message ?? `The answer was ${response.status} ${response.statusText}, with nothing more to say.`,
    status: response.status,
    param: error?.param ?? null,
    requestId,
  });
}

/** Whatever was thrown, as something to show. */
export function asFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiFailure({ code: 'unknown', status: 0, message });
}
