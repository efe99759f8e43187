import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Client } from './client.ts';
import { followRun } from './follow-run.ts';

/** A platform on loopback whose answers the test writes: one handler a connection. */
let server: Server | undefined;
const asked: (string | undefined)[] = [];

afterEach(() => {
  server?.close();
  asked.length = 0;
});

describe('following a run', () => {
  it('goes on after the last event it saw when the connection breaks, and shows none twice', async () => {
    const client = await platformThat(
      (response) => {
        send(response, 1);
        send(response, 2);
        response.destroySoon();
      },
      (response) => {
        send(response, 2);
        send(response, 3);
        response.end('event: end\ndata: {}\n\n');
      },
    );
    let lost = 0;
    const seen = await Array.fromAsync(followRun(client, 'ftjob-1', { onLost: () => lost++ }), ({ seq }) => seq);
    expect(seen).toEqual([1, 2, 3]);
    expect(asked).toEqual([undefined, '2']);
    expect(lost).toBe(1);
  });

  it('ends when the platform has nothing more to say (204)', async () => {
    const client = await platformThat((response) => response.writeHead(204).end());
    expect(await Array.fromAsync(followRun(client, 'ftjob-1', { afterSeq: 7 }))).toEqual([]);
    expect(asked).toEqual(['7']);
  });

  it('does not try again when the platform refuses', async () => {
    const client = await platformThat((response) => {
      response
        .writeHead(404)
        .end(JSON.stringify({ error: { message: 'there is no run', type: 'invalid_request_error', param: null, code: 'run_not_found' } }));
    });
    await expect(Array.fromAsync(followRun(client, 'ftjob-1'))).rejects.toMatchObject({ code: 'run_not_found', exitCode: 5 });
  });

  it('stops when it is told to', async () => {
    const client = await platformThat((response) => send(response, 1));
    const controller = new AbortController();
    const seen: number[] = [];
    const following = (async () => {
      for await (const { seq } of followRun(client, 'ftjob-1', { signal: controller.signal })) {
        seen.push(seq);
        controller.abort(new Error('let go'));
      }
    })();
    await expect(following).rejects.toThrow('let go');
    expect(seen).toEqual([1]);
  });
});

type Handler = (response: ServerResponse & { destroySoon(): void }) => unknown;

async function platformThat(...handlers: Handler[]): Promise<Client> {
  server = createServer((request: IncomingMessage, response) => {
    asked.push(request.headers['last-event-id'] as string | undefined);
    const handler = handlers[Math.min(asked.length, handlers.length) - 1]!;
    handler(Object.assign(response, { destroySoon: () => setImmediate(() => response.socket?.destroySoon()) }));
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'sk-tl-test');
}

function send(response: ServerResponse, seq: number): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`id: ${seq}\ndata: ${JSON.stringify({ seq, event: 'run-step', message: '', data: {} })}\n\n`);
}
