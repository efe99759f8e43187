/** One request to the platform, with the session's cookie; what is not a success is thrown as an ApiFailure. */
import { ApiFailure, failureOf, unreachable } from './failure.ts';
import { reachability } from './reachability.ts';

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Sent as JSON; FormData as it is. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The response itself, for streams; its status is a success. */
export async function request(path: string, { method, body, headers, signal }: CallOptions = {}): Promise<Response> {
  const isForm = body instanceof FormData;
  const response = await fetch(path, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(body !== undefined && !isForm && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
    credentials: 'same-origin',
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    reachability.set(false);
    throw unreachable();
  });
  reachability.set(true);
  if (!response.ok) throw await failureOf(response);
  return response;
}

export async function call<Answer>(path: string, options?: CallOptions): Promise<Answer> {
  const response = await request(path, options);
  if (response.status === 204) return undefined as Answer;
  return (await response.json().catch(() => {
    throw new ApiFailure({ code: 'unknown', status: response.status, message: `${path} answered something that is not JSON.` });
  })) as Answer;
}
