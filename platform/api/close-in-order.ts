/** Closing without cutting anybody off: no new requests, running answers may end, and only then the rest is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PlatformError } from '#platform/core/errors.ts';
import type { ApiServer } from './api-server.ts';

/** Of the 30 s that a supervisor gives before it kills. */
const graceMs = 20_000;

export interface Closing {
  /** Fires as soon as the server closes: streams without an end of their own stop now. */
  draining: AbortSignal;
  /** Fires when the grace is over: everything stops. */
  closing: AbortSignal;
}

export function closeInOrder(server: ApiServer): Closing {
  const draining = new AbortController();
  const closing = new AbortController();
  const running = new Set<unknown>();
  server.addHook('onRequest', (request, reply, next) => {
    if (draining.signal.aborted) {
      next(new PlatformError('engine_unavailable', 'The server is shutting down; send this again in a moment.', { retryAfterSeconds: 5 }));
      return;
    }
    running.add(request.raw);
    reply.raw.once('close', () => running.delete(request.raw));
    next();
  });
  server.addHook('preClose', async () => {
    draining.abort();
    const untilMs = performance.now() + graceMs;
    while (isBusy(server, running) && performance.now() < untilMs) await sleep(50);
    closing.abort();
    for (const client of server.websocketServer.clients) client.close(1001, 'the server is shutting down');
    server.websocketServer.close();
  });
  return { draining: draining.signal, closing: closing.signal };
}

function isBusy(server: ApiServer, running: Set<unknown>): boolean {
  return running.size > 0 && running.size > server.websocketServer.clients.size;
}
