/**
 * What a chat request costs on its way through the platform, the model left out: CPU of the whole server process a request, and the
 * time it adds to a bare node:http server that sends the same bytes. Both in one run, in turns, so that both see the same machine.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reading, Side } from './gateway-server.ts';
import type { Figure } from './report.ts';

const key = 'sk-tl-bench-gateway-key';
const rounds = 8;
const requestsARound = 250;
const warmUpRequests = 1500;
/** Streams and whole answers at once while CPU is measured; one at a time while time is. */
const atOnce = 4;

interface Server {
  process: ChildProcess;
  url: string;
}

interface Cost {
  cpuMs: number;
  p50Ms: number;
}

/** Figures of the platform and of the bare server, for whole answers and for streams. */
export async function run(): Promise<Figure[]> {
  const data = await mkdtemp(join(tmpdir(), 'tuneloop-gateway-'));
  const servers: Server[] = [];
  try {
    const platform = await start({ kind: 'platform', data, key });
    servers.push(platform);
    const idle = await read(platform);
    const bare = await start({ kind: 'bare', whole: await answerOf(platform, false), parts: partsOf(await answerOf(platform, true)) });
    servers.push(bare);
    const whole = await compare(platform, bare, false);
    const streamed = await compare(platform, bare, true);
    return [
      ...figures('whole answer', whole),
      ...figures('stream', streamed),
      figure('memory of the idle platform process', idle.memoryBytes / 1e6, 'MB', 300),
    ];
  } finally {
    for (const server of servers) await stop(server);
    await rm(data, { recursive: true, force: true });
  }
}

function figures(what: string, { ours, bare }: { ours: Cost; bare: Cost }): Figure[] {
  return [
    figure(`${what}: CPU a request`, ours.cpuMs, 'ms', 1),
    figure(`${what}: CPU a request, bare node:http`, bare.cpuMs, 'ms'),
    figure(`${what}: p50, added to bare node:http`, ours.p50Ms - bare.p50Ms, 'ms', 2),
    figure(`${what}: p50, bare node:http`, bare.p50Ms, 'ms'),
  ];
}

/** Without `most` it is told for comparison only. */
function figure(name: string, exact: number, unit: string, most?: number): Figure {
  const value = Math.round(exact * 1000) / 1000;
  return { name, value, unit, ...(most !== undefined && { goal: `<= ${most}`, holds: value <= most }) };
}

/** In turns, a round of each; the medians of all rounds, so that a disturbed one does not count. */
async function compare(platform: Server, bare: Server, stream: boolean): Promise<{ ours: Cost; bare: Cost }> {
  const cost = { ours: [] as Cost[], bare: [] as Cost[] };
  for (const server of [platform, bare]) await load(server, stream, warmUpRequests, atOnce);
  for (let round = 0; round < rounds; round++) {
    cost.ours.push(await measure(platform, stream));
    cost.bare.push(await measure(bare, stream));
  }
  return { ours: medianCost(cost.ours), bare: medianCost(cost.bare) };
}

async function measure(server: Server, stream: boolean): Promise<Cost> {
  const before = await read(server);
  await load(server, stream, requestsARound, atOnce);
  const after = await read(server);
  const timesMs = await load(server, stream, requestsARound, 1);
  return { cpuMs: (after.cpuMicroseconds - before.cpuMicroseconds) / 1000 / requestsARound, p50Ms: median(timesMs) };
}

function medianCost(costs: Cost[]): Cost {
  return { cpuMs: median(costs.map(({ cpuMs }) => cpuMs)), p50Ms: median(costs.map(({ p50Ms }) => p50Ms)) };
}

function median(values: number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)]!;
}

/** Milliseconds of each request, from its start to its last byte. */
async function load(server: Server, stream: boolean, count: number, concurrency: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const timesMs: number[] = [];
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const startedAt = performance.now();
      await ask(server.url, stream, agent);
      timesMs.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  agent.destroy();
  return timesMs;
}

/** A chat of usual size. node:http, not fetch: the client shares two cores with the server. */
async function ask(url: string, stream: boolean, agent: Agent): Promise<string> {
  const messages = [
    { role: 'system', content: 'You are a helpful assistant that answers in a sentence or two.' },
    { role: 'user', content: 'What is the difference between a base model and an adapter?' },
  ];
  const body = JSON.stringify({ model: 'scripted', messages, temperature: 0.2, max_tokens: 64, stream });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const request = httpRequest(`${url}/v1/chat/completions`, { method: 'POST', agent, headers });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += String(chunk);
  if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}: ${text}`);
  return text;
}

function answerOf(server: Server, stream: boolean): Promise<string> {
  return ask(server.url, stream, new Agent());
}

/** Each event of a stream, as it was written. */
function partsOf(stream: string): string[] {
  return stream.split(/(?<=\n\n)/);
}

async function start(side: Side): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'gateway-server.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.send(side);
  const [answer] = (await once(child, 'message')) as [{ url: string }];
  return { process: child, url: answer.url };
}

async function read(server: Server): Promise<Reading> {
  server.process.send('read');
  const [reading] = (await once(server.process, 'message')) as [Reading];
  return reading;
}

async function stop(server: Server): Promise<void> {
  const ended = once(server.process, 'exit');
  server.process.send('end');
  await ended;
}
