/** A whole server for tests: a fresh data folder and database, the scripted engine, a free port on loopback. */
import { rm } from 'node:fs/promises';
import { openApp, type App } from '#platform/app.ts';
import { readConfig } from '#platform/config.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import type { ApiServer } from './api-server.ts';
import { listen, openServer } from './server.ts';

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

export interface TestServer {
  app: App;
  server: ApiServer;
  /** `http://127.0.0.1:41234` */
  url: string;
  key: string;
  /** fetch with the key; a body that is an object is sent as JSON. */
  call(path: string, options?: CallOptions): Promise<Response>;
  close(): Promise<void>;
}

/** `settings` as in the environment, without `TUNELOOP_`; a DATA folder of the test's own is removed at the end, too. */
export async function startTestServer(settings: Record<string, string> = {}, kind: 'pglite' | 'postgres' = 'pglite'): Promise<TestServer> {
  const { data, database } = settings['DATA'] ? { data: settings['DATA'], database: '' } : await newTestDatabase(kind);
  const key = 'sk-tl-test-key-of-the-owner';
  const given = {
    DATA: data,
    DATABASE: database,
    KEY: key,
    PORT: '0',
    ENGINE: 'scripted',
    WARM_MODEL: '',
    LOG_LEVEL: 'silent',
    ...settings,
  };
  const config = readConfig(Object.fromEntries(Object.entries(given).map(([name, value]) => [`TUNELOOP_${name}`, value])));
  const app = await openApp(config);
  const server = await openServer(app);
  const url = await listen(server, config);
  return {
    app,
    server,
    url,
    key,
    call: (path, { body, headers, ...options } = {}) =>
      fetch(url + path, {
        ...options,
        method: options.method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    async close() {
      await server.close();
      await app.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** A user message that tells the scripted engine what to do. */
export function script(fields: object): string {
  return JSON.stringify({ scripted: fields });
}

/** Long enough that every test is through before it ends. */
export const slowly: string = script({ text: 'word ', repeat: 5000, delay_ms: 20 });
export const failLater: string = script({ text: 'one two three four five', fail_after: 3 });
export const failAtOnce: string = script({ fail_after: 0 });

/** Waits until it is so; throws after `mostMs`. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string, mostMs: number = 10_000): Promise<void> {
  const startedAt = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAt > mostMs) throw new Error(`not within ${mostMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
