/** WS /ws/generate: prompts in, tokens out, one answer at a time, several in turn over one socket. */
import { GenerateRequest, type GenerateSocketAnswer } from '#contract/generate-text.ts';
import { GenerationAborted } from '#platform/chat/aborted.ts';
import { admitGenerate } from '#platform/chat/admit-generate.ts';
import { generateChoices } from '#platform/chat/generate-choices.ts';
import { UsageCount } from '#platform/chat/usage.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { failureToTell } from '../../answer-error.ts';
import type { Rooms, RouteGroup } from '../../api-server.ts';
import { parseRequest } from '../../check-request.ts';
import { isAllowedOrigin } from '../../origins.ts';
import { keepSocketAlive, sendPaced } from '../../socket.ts';

export const generateSocketRoutes: RouteGroup = (server, rooms) => {
  for (const path of ['/ws/generate', '/v1/ws/generate']) {
    const onRequest = (request: FastifyRequest, _reply: unknown, next: (error?: Error) => void): void =>
      next(originProblem(request, rooms));
    server.get(path, { websocket: true, onRequest, config: { writes: true } }, (socket, request) => serve(socket, request, rooms));
  }
};

/** A browser sends no key of its own accord, but it does send its page's origin. */
function originProblem(request: FastifyRequest, rooms: Rooms): PlatformError | undefined {
  const { origin, host } = request.headers;
  if (origin === undefined || isAllowedOrigin(origin, host, rooms.config.cors_origins)) return undefined;
  return new PlatformError('permission_denied', 'Pages of this origin may not connect; add it to TUNELOOP_CORS_ORIGINS.');
}

function serve(socket: WebSocket, request: FastifyRequest, rooms: Rooms): void {
  let running: AbortController | null = null;
  const send = (answer: GenerateSocketAnswer): Promise<void> => sendPaced(socket, JSON.stringify(answer));
  const fail = (error: unknown): void => void send(failureToTell(error, request).toBody());

  keepSocketAlive(socket);
  socket.on('message', (data) => {
    try {
      const message = readJson((data as Buffer).toString());
      if (isCancel(message)) return running?.abort(new GenerationAborted('cancelled'));
      if (running) throw new PlatformError('invalid_request', 'One prompt at a time: wait for "done", or send {"type":"cancel"} first.');
      const prompt = parseRequest(GenerateRequest, message);
      const controller = new AbortController();
      running = controller;
      void answer(rooms, request, prompt, controller.signal, send)
        .catch(fail)
        .finally(() => (running = null));
    } catch (error) {
      fail(error);
    }
  });
  const gone = new AbortController();
  socket.on('close', () => {
    gone.abort();
    running?.abort(new GenerationAborted('client_gone'));
  });
  const untilGone = { once: true, signal: gone.signal };
  rooms.draining.addEventListener('abort', () => !running && socket.close(1001, 'the server is shutting down'), untilGone);
  rooms.closing.addEventListener('abort', () => running?.abort(new GenerationAborted('shutdown')), untilGone);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PlatformError('invalid_json', 'The message is not valid JSON.', { cause });
  }
}

/** Told apart by its type before anything else: a wrong prompt is then told what is wrong with the prompt. */
function isCancel(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'cancel';
}

/** Sends tokens, then always one last frame: done, cancelled or an error. */
async function answer(
  rooms: Rooms,
  request: FastifyRequest,
  prompt: GenerateRequest,
  signal: AbortSignal,
  send: (answer: GenerateSocketAnswer) => Promise<void>,
): Promise<void> {
  const admitted = await admitGenerate(rooms.chat, request.caller.projectId, prompt);
  const usage = new UsageCount(admitted.promptTokens);
  const meter = rooms.chat.metrics.startRequest('/ws/generate', admitted.version.id);
  let generated = 0;
  try {
    for await (const { event } of generateChoices(admitted.engine, admitted.requests, meter, signal)) {
      if (event.type === 'text-delta') {
        generated += event.tokenCount;
        if (event.text !== '') await send({ token: event.text });
      } else if (event.type === 'text-end') {
        usage.add(event, true);
        await send({ done: true, finish_reason: event.finishReason === 'length' ? 'length' : 'stop', usage: usage.total() });
      }
    }
  } catch (error) {
    if (!(error instanceof GenerationAborted) || error.reason !== 'cancelled') throw error;
    usage.add(
      { type: 'text-end', finishReason: 'stop', promptTokens: admitted.promptTokens, completionTokens: generated, cachedTokens: 0 },
      true,
    );
    await send({ done: true, finish_reason: 'cancelled', usage: usage.total() });
  }
}
