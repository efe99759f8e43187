/** A small Hugging Face hub on loopback, for tests: one repository, its large files on a second server as on the real one. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestHub {
  address: string;
  /** What the repository holds; a test may change it between requests. */
  files: Record<string, Buffer>;
  /** Who may read: null is everybody. */
  token: string | null;
  /** Connections break after so many bytes of a large file; null is never. */
  breakAfter: number | null;
  /** Bytes that large files say they have, by name, instead of their own: a hub whose storage is damaged. */
  damaged: Set<string>;
  knowsRanges: boolean;
  /** Every request: path, range and token, in order. */
  requests: { path: string; range: string | undefined; authorization: string | undefined; server: 'hub' | 'storage' }[];
  close(): Promise<void>;
}

export const testRepository = 'tiny/llama';
const commit = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00';

export async function startTestHub(files: Record<string, Buffer>): Promise<TestHub> {
  const hub: TestHub = { address: '', files, token: null, breakAfter: null, damaged: new Set(), knowsRanges: true, requests: [], close };
  const note = (request: IncomingMessage, server: 'hub' | 'storage') =>
    hub.requests.push({ path: request.url!, range: request.headers.range, authorization: request.headers.authorization, server });
  const storage = await listen((request, response) => {
    note(request, 'storage');
    sendLarge(hub, request, response);
  });
  const front = await listen((request, response) => {
    note(request, 'hub');
    answer(hub, `http://127.0.0.1:${portOf(storage)}`, request, response);
  });
  hub.address = `http://127.0.0.1:${portOf(front)}`;
  return hub;

  async function close(): Promise<void> {
    for (const server of [front, storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

function answer(hub: TestHub, storage: string, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(request.url!, 'http://hub').pathname);
  if (hub.token !== null && request.headers.authorization !== `Bearer ${hub.token}`)
    return void response.writeHead(401).end('{"error":"gated"}');
  if (path === `/api/models/${testRepository}/revision/main`) {
    const siblings = Object.entries(hub.files).map(([rfilename, content]) => ({ rfilename, size: content.length }));
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ sha: commit, siblings }));
  }
  const name = path.startsWith(`/${testRepository}/resolve/${commit}/`) ? path.split('/').at(-1)! : '';
  const content = hub.files[name];
  if (!content) return void response.writeHead(404).end('{"error":"Repository Not Found"}');
  if (/\.(safetensors|gguf)$/.test(name)) {
    const sha256 = createHash('sha256').update(content).digest('hex');
    return void response.writeHead(302, { location: `${storage}/${name}`, 'x-linked-etag': `"${sha256}"` }).end();
  }
  const blob = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  response.writeHead(200, { etag: `"${blob}"`, 'content-length': content.length }).end(content);
}

function sendLarge(hub: TestHub, request: IncomingMessage, response: ServerResponse): void {
  const name = request.url!.slice(1);
  const content = Buffer.from(hub.files[name]!);
  if (hub.damaged.has(name)) content[content.length >> 1]! ^= 1;
  const from = hub.knowsRanges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
  if (from >= content.length) return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
  const rest = content.subarray(from);
  const range = from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, ...range });
  if (hub.breakAfter === null || rest.length <= hub.breakAfter) return void response.end(rest);
  response.write(rest.subarray(0, hub.breakAfter), () => setImmediate(() => response.destroy()));
}

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
