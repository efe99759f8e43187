/** An AbortSignal that fires when the client of a request is gone, or the server closes. */
import type { FastifyReply } from 'fastify';
import { GenerationAborted } from '#platform/chat/aborted.ts';
import type { AbortReason } from '#platform/monitoring/metrics.ts';

export interface ClientSignal {
  readonly signal: AbortSignal;
  abort(reason: AbortReason): void;
}

/** Listens to the response: a request's own `close` fires as soon as its body is read. */
export function clientSignal(reply: FastifyReply, closing: AbortSignal): ClientSignal {
  const controller = new AbortController();
  const abort = (reason: AbortReason): void => controller.abort(new GenerationAborted(reason));
  const onClosing = (): void => abort('shutdown');
  closing.addEventListener('abort', onClosing);
  reply.raw.once('close', () => {
    closing.removeEventListener('abort', onClosing);
    if (!reply.raw.writableFinished) abort('client_gone');
  });
  if (reply.raw.destroyed) abort('client_gone');
  else if (closing.aborted) abort('shutdown');
  return { signal: controller.signal, abort };
}
