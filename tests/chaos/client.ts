/** A client that wants its answer: it asks again after whatever a client may ask again after, and after nothing else. */
import { setTimeout as wait } from 'node:timers/promises';

/** A promise that was not kept: its invariant, and what was lost. */
export class BrokenPromise extends Error {
  constructor(invariant: `N${1 | 2 | 3 | 4 | 5 | 6 | 7}`, what: string) {
    super(`${invariant}: ${what}`);
  }
}

export interface Answer<Body> {
  status: number;
  body: Body;
}

interface Call {
  method?: string;
  /** Sent as JSON, or as the form that it is. */
  body?: object;
  key?: string;
  signal?: AbortSignal;
}

/** A request without an answer for so long is asked again. */
const answerMs = 15_000;
/** Everything has been mended long before. */
const patienceMs = 120_000;
/** The platform, or what it stands on, is away, full, or lost its process: the same request may be sent again. */
const passing = new Set([429, 502, 503, 507]);

export class Client {
  readonly #url: string;
  readonly #key: string;
  /** Tries that had to be repeated. */
  repeats = 0;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** One try. Throws when there is no answer. */
  fetch(path: string, { method, body, key, signal }: Call = {}): Promise<Response> {
    const isForm = body instanceof FormData;
    return fetch(this.#url + path, {
      method: method ?? (body ? 'POST' : 'GET'),
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body && !isForm && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body && { body: isForm ? body : JSON.stringify(body) }),
      signal: signal ?? AbortSignal.timeout(answerMs),
    });
  }

  /** Until there is an answer of 2xx or 4xx. */
  async ask<Body>(path: string, call: Call = {}): Promise<Answer<Body>> {
    const untilMs = performance.now() + patienceMs;
    for (let said = 'nothing'; performance.now() < untilMs; this.repeats++, await wait(100)) {
      try {
        const answer = await this.fetch(path, call);
        const text = await answer.text();
        if (!passing.has(answer.status)) return { status: answer.status, body: parse(path, answer.status, text) as Body };
        said = `${answer.status} ${text}`;
        if (answer.status === 503 && !answer.headers.has('retry-after') && text.includes('database_unavailable'))
          throw new BrokenPromise('N5', `${path} was answered 503 without Retry-After`);
      } catch (error) {
        if (error instanceof BrokenPromise) throw error;
        said = String(error);
      }
      if (performance.now() + 100 >= untilMs) throw new BrokenPromise('N5', `${path} was not answered within ${patienceMs} ms: ${said}`);
    }
    throw new Error('unreachable');
  }

  /** The body of a 2xx. */
  async get<Body>(path: string): Promise<Body> {
    const { status, body } = await this.ask<Body>(path);
    if (status >= 300) throw new BrokenPromise('N1', `${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }
}

/** A 500 is never right: whatever was done to the platform, it knows by name. */
function parse(path: string, status: number, text: string): unknown {
  if (status >= 500) throw new BrokenPromise('N5', `${path} was answered ${status}: ${text}`);
  return text === '' ? null : (JSON.parse(text) as unknown);
}
