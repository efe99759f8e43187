import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import fastify, { type FastifyInstance } from 'fastify';
import { GenerationAborted } from '#platform/chat/aborted.ts';
import { afterEach, expect, it } from 'vitest';
import { EventStream } from './event-stream.ts';

const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

/** A server whose only route answers with what `serve` writes. */
async function serverOf(
  serve: (stream: EventStream) => Promise<void>,
  limits: ConstructorParameters<typeof EventStream>[1],
): Promise<FastifyInstance> {
  const server = fastify();
  opened.push(server);
  server.get('/', async (_request, reply) => {
    void reply.header('x-request-id', 'req_1');
    await serve(new EventStream(reply, limits));
    return reply;
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  return server;
}

const urlOf = (server: FastifyInstance): string => server.listeningOrigin;

async function clientOf(server: FastifyInstance): Promise<Socket> {
  const socket = connect(Number(new URL(urlOf(server)).port), '127.0.0.1');
  opened.push({ close: () => socket.destroy() });
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  return socket;
}

it('sends the headers that keep proxies from buffering, and those that were set before', async () => {
  const server = await serverOf(async (stream) => {
    await stream.send('{"a":1}', 'id: 7\n');
    stream.end();
  }, {});
  const response = await fetch(urlOf(server));
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-request-id': 'req_1',
  });
  expect(await response.text()).toBe('id: 7\ndata: {"a":1}\n\n');
});

it('sends its head before there is anything to send, then comments that clients ignore', async () => {
  const finish = Promise.withResolvers<void>();
  const server = await serverOf(
    async (stream) => {
      stream.open();
      await finish.promise;
      await stream.send('late');
      stream.end();
    },
    { keepAliveMs: 20 },
  );
  const response = await fetch(urlOf(server));
  const reader = response.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe(': keep-alive\n\n');
  finish.resolve();
  let rest = '';
  for (let next = await reader.read(); !next.done; next = await reader.read()) rest += new TextDecoder().decode(next.value);
  expect(rest).toMatch(/^(: keep-alive\n\n)*data: late\n\n$/);
});

it('stops for a client that does not read, having kept no more than its limit', async () => {
  const outcome = Promise.withResolvers<{ error: unknown; sent: number; unread: number }>();
  let socketOfServer: Socket | undefined;
  const piece = 'x'.repeat(64 * 1024);
  const server = await serverOf(
    async (stream) => {
      let sent = 0;
      try {
        for (; sent < 1000; sent++) await stream.send(piece);
        outcome.resolve({ error: null, sent, unread: 0 });
      } catch (error) {
        outcome.resolve({ error, sent, unread: socketOfServer!.writableLength });
      }
    },
    { mostUnread: 256 * 1024, unreadPatienceMs: 100 },
  );
  server.server.on('connection', (socket: Socket) => (socketOfServer = socket));
  const client = await clientOf(server);
  client.pause();
  const { error, unread } = await outcome.promise;
  expect(error).toBeInstanceOf(GenerationAborted);
  expect(error).toMatchObject({ reason: 'client_too_slow' });
  expect(unread).toBeLessThan(256 * 1024 + 2 * piece.length);
});

it('goes on with a client that was slow for a while', async () => {
  const pieces = 200;
  const piece = 'x'.repeat(64 * 1024);
  const server = await serverOf(
    async (stream) => {
      for (let sent = 0; sent < pieces; sent++) await stream.send(piece);
      stream.end();
    },
    { mostUnread: 256 * 1024, unreadPatienceMs: 10_000 },
  );
  const client = await clientOf(server);
  client.pause();
  await new Promise((resolve) => setTimeout(resolve, 100));
  let received = 0;
  client.on('data', (data) => (received += data.length));
  client.resume();
  while (received < pieces * piece.length) await once(client, 'data');
  expect(client.destroyed).toBe(false);
});
