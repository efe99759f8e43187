/** The other server over HTTP: its answers, and its failures as ours. What it says about our key is not passed on. */
import { errorKinds, type ErrorCode } from '#contract/errors.ts';
import { PlatformError } from '#platform/core/errors.ts';

interface UpstreamOptions {
  name: string;
  base_url: string;
  api_key?: string | undefined;
  idle_seconds: number;
}

/** Its own words, cut: they end up in a message. */
const mostCharacters = 500;

export class Upstream {
  readonly #options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Throws `engine_unavailable` when it cannot be reached, and what `failureOf` makes of its refusals. */
  async json<Answer>(path: string, body: unknown, signal: AbortSignal): Promise<Answer> {
    return (await (await this.#send(path, body, signal)).json()) as Answer;
  }

  async models(signal: AbortSignal): Promise<string[]> {
    const list = await this.json<{ data: { id: string }[] }>('/models', undefined, signal);
    return list.data.map(({ id }) => id);
  }

  /** The `data:` of each event until `[DONE]`. Throws `engine_failed` for an error frame, and for a silence that lasts too long. */
  async *stream(path: string, body: unknown, signal: AbortSignal): AsyncGenerator<unknown> {
    const idle = new AbortController();
    const patience = this.#options.idle_seconds * 1000;
    const timer = setTimeout(() => idle.abort(this.#silence()), patience);
    try {
      const response = await this.#send(path, body, AbortSignal.any([signal, idle.signal]));
      let rest = '';
      for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
        timer.refresh();
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines) {
          if (!line.startsWith('data:')) continue;
          const data = line.slice('data:'.length).trim();
          if (data === '[DONE]') return;
          yield this.#frame(data);
        }
      }
    } catch (error) {
      if (error instanceof PlatformError || signal.aborted) throw error;
      throw this.#unreachable(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const { base_url: address, api_key: key } = this.#options;
    const headers = {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    let response: Response;
    try {
      response = await fetch(address + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
        // A redirect would carry the key, and our request, to somebody nobody chose.
        redirect: 'error',
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.#unreachable(error);
    }
    if (response.ok) return response;
    throw this.#refusal(response.status, await response.text(), response.headers.get('retry-after'));
  }

  #frame(data: string): unknown {
    const frame = parsed(data);
    if (frame === undefined) throw this.#failed('sent something that is not JSON');
    if (typeof frame === 'object' && frame !== null && 'error' in frame && frame.error) throw this.#refusal(502, data, null);
    return frame;
  }

  #refusal(status: number, body: string, retryAfter: string | null): PlatformError {
    const { message, code, param } = errorIn(body);
    const words = `the upstream "${this.#options.name}" answered ${status}: ${message.slice(0, mostCharacters)}`;
    if (status === 401 || status === 403) {
      return this.#failed(`refused our key (${status}); set api_key or api_key_env for it in TUNELOOP_UPSTREAMS`);
    }
    if (status === 429) return new PlatformError('rate_limit_exceeded', words, { retryAfterSeconds: Number(retryAfter) || 1 });
    if (status === 404) return new PlatformError('model_not_found', words, { param: 'model' });
    if (status >= 500 || status < 400) return new PlatformError('engine_failed', words);
    const isOurs = code !== null && Object.hasOwn(errorKinds, code) && errorKinds[code as ErrorCode].status < 500;
    return new PlatformError(isOurs ? (code as ErrorCode) : 'invalid_request', words, { param });
  }

  #failed(what: string): PlatformError {
    return new PlatformError('engine_failed', `the upstream "${this.#options.name}" ${what}`);
  }

  #silence(): PlatformError {
    return this.#failed(`has said nothing for ${this.#options.idle_seconds} s`);
  }

  #unreachable(cause: unknown): PlatformError {
    const { code, message } = ((cause as Error).cause ?? cause) as { code?: string; message?: string };
    const words = `the upstream "${this.#options.name}" at ${this.#options.base_url} cannot be reached: ${code ?? message}`;
    return new PlatformError('engine_unavailable', words, { cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** OpenAI's shape, the `detail` of other servers, or whatever it is. */
function errorIn(body: string): { message: string; code: string | null; param: string | null } {
  const answer = parsed(body) as { error?: { message?: unknown; code?: unknown; param?: unknown } | string; detail?: unknown } | undefined;
  const error = typeof answer?.error === 'object' ? answer.error : { message: answer?.error ?? answer?.detail ?? body };
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    message: text(error.message) ?? JSON.stringify(error.message ?? ''),
    code: text('code' in error ? error.code : null),
    param: text('param' in error ? error.param : null),
  };
}
