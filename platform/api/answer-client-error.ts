/** What is not even HTTP, or comes too slowly, is answered in OpenAI's error shape too, then the connection ends. */
import type { Socket } from 'node:net';
import type { ErrorCode } from '#contract/errors.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';

const problems: Record<string, { line: string; code: ErrorCode; message: string }> = {
  ERR_HTTP_REQUEST_TIMEOUT: { line: '408 Request Timeout', code: 'invalid_request', message: 'The request did not arrive in time.' },
  HPE_HEADER_OVERFLOW: { line: '431 Request Header Fields Too Large', code: 'invalid_request', message: 'The headers are too large.' },
};
const malformed = { line: '400 Bad Request', code: 'invalid_request' as const, message: 'This is not a valid HTTP request.' };

export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { line, code, message } = problems[error.code ?? ''] ?? malformed;
  const body = JSON.stringify(new PlatformError(code, message).toBody());
  const head = [
    `HTTP/1.1 ${line}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${newId('req_')}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
