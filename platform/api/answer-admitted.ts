/** What every route of generation does with its request: admit it, then answer it whole or as a stream of events. */
import { type Admitted, type Chat, versionName } from '#platform/chat/chat.ts';
import type { RequestMeter } from '#platform/monitoring/metrics.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Rooms } from './api-server.ts';
import { clientSignal } from './client-signal.ts';
import { streamAnswer } from './stream-answer.ts';

interface Generation<Body, Ready extends Admitted, Answer> {
  /** The route as the metrics name it. */
  endpoint: string;
  streams: boolean;
  admit: (chat: Chat, projectId: string, body: Body) => Promise<Ready>;
  complete: (admitted: Ready, meter: RequestMeter, signal: AbortSignal) => Promise<Answer>;
  stream: (admitted: Ready, meter: RequestMeter, signal: AbortSignal) => AsyncGenerator<unknown, void>;
}

/** The answer's header names the exact version that gives it, before the first byte. */
export async function answerAdmitted<Body, Ready extends Admitted, Answer>(
  { chat, closing }: Pick<Rooms, 'chat' | 'closing'>,
  request: Pick<FastifyRequest, 'caller'> & { body: Body },
  reply: FastifyReply,
  { endpoint, streams, admit, complete, stream }: Generation<Body, Ready, Answer>,
): Promise<Answer | void> {
  const client = clientSignal(reply, closing);
  const admitted = await admit(chat, request.caller.projectId, request.body);
  const meter = chat.metrics.startRequest(endpoint, admitted.version.id);
  void reply.header('x-tuneloop-version', versionName(admitted.version));
  if (!streams) return complete(admitted, meter, client.signal);
  await streamAnswer(reply.request, reply, client, stream(admitted, meter, client.signal));
  return reply;
}
