/** Streams an answer that is being generated: failures are plain HTTP errors until the head is sent, and a last frame after it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GenerationAborted } from '#platform/chat/aborted.ts';
import { failureToTell } from './answer-error.ts';
import type { ClientSignal } from './client-signal.ts';
import { EventStream } from './event-stream.ts';

/** How long the first part may take before the head is sent without it: a full queue or a bad schema shows at once. */
const headPatienceMs = 200;

/** `parts` are the `data:` of the events, JSON. Ends with `[DONE]`; a failure ends with an error frame instead. */
export async function streamAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  client: ClientSignal,
  parts: AsyncGenerator<unknown, void>,
): Promise<void> {
  const stream = new EventStream(reply);
  try {
    const timer = setTimeout(() => stream.open(), headPatienceMs);
    const first = await parts.next().finally(() => clearTimeout(timer));
    if (!first.done) await stream.send(JSON.stringify(first.value));
    for await (const part of parts) await stream.send(JSON.stringify(part));
    await stream.send('[DONE]');
    stream.end();
  } catch (error) {
    if (error instanceof GenerationAborted) client.abort(error.reason);
    await parts.return();
    endBadly(request, reply, stream, error);
  }
}

function endBadly(request: FastifyRequest, reply: FastifyReply, stream: EventStream, error: unknown): void {
  if (error instanceof GenerationAborted && error.reason !== 'shutdown') {
    if (!stream.isOpen) reply.hijack();
    reply.raw.destroy();
    return;
  }
  if (!stream.isOpen) throw error;
  // A client that does not even read this is cut off by its socket's timeout.
  const frame = JSON.stringify(failureToTell(error, request).toBody());
  stream.send(frame).then(
    () => stream.end(),
    () => reply.raw.destroy(),
  );
}
