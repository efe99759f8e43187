/** The platform over HTTP, as the command line uses it: the same routes and shapes as any other client. */
import { randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import type { FileObject } from '#contract/openai/files.ts';
import { answerFailure, CliError } from './cli-error.ts';
import { readServerEvents, type ServerEvent } from './server-events.ts';

interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Failures that may be over a moment later. */
const passing = new Set(['server_unreachable', 'database_unavailable']);

export class Client {
  /** Without a slash at its end. */
  readonly address: string;
  readonly key: string | null;

  constructor(address: string, key: string | null) {
    this.address = address;
    this.key = key;
  }

  /** The body of a 2xx answer. Throws a CliError with the server's own code, or `server_unreachable`. */
  async ask<Answer>(path: string, call: Call = {}): Promise<Answer> {
    const response = await this.#send(path, call);
    return (await response.json()) as Answer;
  }

  /** Creates something once: the same key goes with every try, so a lost answer makes no second one. */
  async create<Answer>(path: string, body: unknown): Promise<Answer> {
    const headers = { 'idempotency-key': randomUUID() };
    for (let tries = 1; ; tries++) {
      try {
        return await this.ask<Answer>(path, { method: 'POST', body, headers });
      } catch (error) {
        if (!(error instanceof CliError) || !passing.has(error.code) || tries === 3) throw error;
        await new Promise((resolve) => setTimeout(resolve, 300 * tries));
      }
    }
  }

  /** A 2xx answer that is not JSON, unread. */
  async fetch(path: string, call: Call = {}): Promise<Response> {
    return this.#send(path, call);
  }

  async upload(path: string, purpose: string): Promise<FileObject> {
    const form = new FormData();
    form.set('purpose', purpose);
    form.set('file', await openAsBlob(path), basename(path));
    return this.create<FileObject>('/v1/files', form);
  }

  /** The server-sent events of a call, until the stream or the signal ends. 204, nothing more to say, reads as the event `end`. */
  async *events(path: string, call: Call = {}): AsyncGenerator<ServerEvent, void> {
    const response = await this.#send(path, { ...call, headers: { accept: 'text/event-stream', ...call.headers } });
    if (response.body) yield* readServerEvents(response.body);
    else yield { event: 'end', id: null, data: '' };
  }

  /** The items of a paged list, page by page. */
  async *pages<Item extends { id: string }>(path: string, query: Record<string, string | number>): AsyncGenerator<Item, void> {
    for (let after: string | undefined; ;) {
      const page = await this.ask<{ data: Item[]; has_more: boolean }>(path, { query: { ...query, after } });
      yield* page.data;
      if (!page.has_more || page.data.length === 0) return;
      after = page.data.at(-1)!.id;
    }
  }

  async #send(path: string, { method = 'GET', query = {}, body, headers = {}, signal }: Call): Promise<Response> {
    const url = new URL(this.address + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const isForm = body instanceof FormData;
    const sent = {
      ...(this.key === null ? {} : { authorization: `Bearer ${this.key}` }),
      ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
      ...headers,
    };
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: sent,
        body: isForm ? body : body === undefined ? undefined : JSON.stringify(body),
        signal,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
      throw new CliError('server_unreachable', `no platform answers at ${this.address}`, {
        why: cause?.code ?? cause?.message ?? String(error),
        cause: error,
      });
    }
    if (!response.ok) throw answerFailure(response.status, await response.text(), response.headers.get('x-request-id'));
    return response;
  }
}
