/** Whatever goes wrong becomes OpenAI's error body with the right status, and never more than a caller may know. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '#contract/errors.ts';
import { GenerationAborted } from '#platform/chat/aborted.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** Fastify's own refusals. */
const frameworkCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_REQ_FILE_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'invalid_request',
};

/** Failures that the same request meets again at once: OpenAI's clients shall not retry them. */
const pointlessToRetry = new Set<ErrorCode>(['model_not_ready', 'disk_full', 'artifact_corrupt', 'setting_invalid']);

/** PostgreSQL: character_not_in_repertoire, untranslatable_character. Its texts cannot hold a NUL, whichever field it came in. */
const badTextCodes = new Set(['22021', '22P05']);

/** What a file system says when it is full. */
const diskFullCodes = new Set(['ENOSPC', 'EDQUOT']);

/** The failure as the caller may see it; null is a bug, of which nothing is told. */
export function asPlatformError(error: unknown): PlatformError | null {
  if (error instanceof PlatformError) return error;
  if (error instanceof GenerationAborted) {
    return new PlatformError('engine_unavailable', 'The server is shutting down; send this again in a moment.', { retryAfterSeconds: 5 });
  }
  if (typeof error !== 'object' || error === null) return null;
  const { code, message } = error as Partial<FastifyError>;
  if (code !== undefined && diskFullCodes.has(code)) {
    return new PlatformError('disk_full', 'The disk of the server is full; nothing was kept. Free some space and send this again.', {
      cause: error,
    });
  }
  if (code !== undefined && badTextCodes.has(code)) {
    return new PlatformError('invalid_request', 'A text of this request holds a NUL character (\\u0000); leave it out.', { cause: error });
  }
  const known = code === undefined ? undefined : frameworkCodes[code];
  if (known !== undefined) return new PlatformError(known, frameworkMessage(known, message ?? ''), { cause: error });
  return null;
}

function frameworkMessage(code: ErrorCode, message: string): string {
  if (code === 'invalid_json') return `The body is not valid JSON: ${message}`;
  if (code === 'payload_too_large') return 'The body is larger than this route takes.';
  if (code === 'unsupported_media_type') return 'This route takes application/json; say so in the Content-Type header.';
  return message;
}

/** Fastify's error handler. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = failureToTell(error, request);
  void reply.code(failure.status);
  setErrorHeaders(failure, (name, value) => void reply.header(name, value));
  void reply.type('application/json; charset=utf-8').send(failure.toBody());
}

/** Logs what is the platform's own fault, and turns a bug into a plain "server_error". */
export function failureToTell(error: unknown, request: FastifyRequest): PlatformError {
  const failure = asPlatformError(error);
  if (failure === null) {
    request.log.error({ err: error, requestId: request.id, method: request.method, route: request.routeOptions.url }, 'bug');
    return new PlatformError(
      'server_error',
      `Something went wrong inside the server. Its log names the cause under request ${request.id}.`,
    );
  }
  if (failure.status >= 500) {
    request.log.warn({ code: failure.code, requestId: request.id, err: failure.cause }, failure.message);
  }
  return failure;
}

export function setErrorHeaders(failure: PlatformError, set: (name: string, value: string) => void): void {
  if (failure.code === 'invalid_api_key') set('www-authenticate', 'Bearer');
  if (pointlessToRetry.has(failure.code)) set('x-should-retry', 'false');
  const retryAfterSeconds = failure.retryAfterSeconds ?? (failure.code === 'rate_limit_exceeded' ? 1 : null);
  if (retryAfterSeconds === null) return;
  set('retry-after', String(Math.ceil(retryAfterSeconds)));
  set('retry-after-ms', String(Math.round(retryAfterSeconds * 1000)));
}
