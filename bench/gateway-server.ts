/** One side of `bench gateway`, in a process of its own: the whole platform, or a bare node:http server that sends the same bytes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen, openServer } from '#platform/api/server.ts';
import { openApp } from '#platform/app.ts';
import { readConfig } from '#platform/config.ts';

/** What the bench sends first: what to be. */
export type Side = { kind: 'platform'; data: string; key: string } | { kind: 'bare'; whole: string; parts: string[] };

/** CPU of this process so far, all its threads, in microseconds; resident memory in bytes. */
export interface Reading {
  cpuMicroseconds: number;
  memoryBytes: number;
}

async function startPlatform(data: string, key: string): Promise<string> {
  const config = readConfig({
    TUNELOOP_DATA: data,
    TUNELOOP_KEY: key,
    TUNELOOP_PORT: '0',
    TUNELOOP_ENGINE: 'scripted',
    TUNELOOP_LOG_LEVEL: 'warn',
  });
  return listen(await openServer(await openApp(config)), config);
}

/** Reads the body as any server must, then answers from memory: a stream part by part, each in a turn of its own. */
async function startBare(whole: string, parts: string[]): Promise<string> {
  const server = createServer((request, response) => void answer(request, response, whole, parts));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answer(request: IncomingMessage, response: ServerResponse, whole: string, parts: string[]): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { stream } = JSON.parse(body) as { stream?: boolean };
  if (!stream) return void response.writeHead(200, { 'content-type': 'application/json' }).end(whole);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const part of parts) {
    response.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

process.on('message', (message: Side | 'read' | 'end') => {
  if (message === 'end') process.exit(0);
  else if (message === 'read') {
    const { user, system } = process.cpuUsage();
    process.send!({ cpuMicroseconds: user + system, memoryBytes: process.memoryUsage.rss() } satisfies Reading);
  } else {
    const started = message.kind === 'platform' ? startPlatform(message.data, message.key) : startBare(message.whole, message.parts);
    void started.then((url) => process.send!({ url }));
  }
});
