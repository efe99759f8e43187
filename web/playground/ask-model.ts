/** Asks a model of the platform and tells its answer as it is made. */
import type { ChatCompletionChunk } from '#contract/openai/chat-answers.ts';
import type { ErrorBody, ErrorCode } from '#contract/errors.ts';
import { request } from '../api/call.ts';
import { ApiFailure } from '../api/failure.ts';
import type { AnswerPiece } from './answer-pieces.ts';
import type { Message } from './conversation.ts';

/** Alternatives that are shown for a token. */
export const topLogprobs = 5;

/** Throws an ApiFailure, also for a stream that breaks off; or the signal's reason. */
export async function* askModel(
  model: string,
  messages: Message[],
  fields: Record<string, unknown>,
  signal: AbortSignal,
): AsyncGenerator<AnswerPiece, void> {
  const body = { model, messages, ...fields, stream: true, stream_options: { include_usage: true } };
  const response = await request('/v1/chat/completions', { body, signal });
  const version = response.headers.get('x-tuneloop-version');
  if (version) yield { type: 'version', version };
  let finishReason: string | null = null;
  let tokenCount: number | null = null;
  for await (const data of eventData(response.body!)) {
    if (data === '[DONE]') return yield { type: 'end', finishReason, tokenCount };
    const chunk = JSON.parse(data) as ChatCompletionChunk | ErrorBody;
    if ('error' in chunk) throw failureIn(chunk, response);
    tokenCount = chunk.usage?.completion_tokens ?? tokenCount;
    const [choice] = chunk.choices;
    finishReason = choice?.finish_reason ?? finishReason;
    const text = choice?.delta.content ?? '';
    const tokens = choice?.logprobs?.content ?? [];
    if (text !== '' || tokens.length > 0) yield { type: 'text', text, tokens };
  }
  throw new ApiFailure({
    code: 'unreachable',
    status: 0,
    message: 'The answer broke off before its end: the platform went away.',
    requestId: response.headers.get('x-request-id'),
  });
}

function failureIn({ error }: ErrorBody, response: Response): ApiFailure {
  return new ApiFailure({
    code: (error.code as ErrorCode | null) ?? 'unknown',
    message: error.message,
    status: response.status,
    requestId: response.headers.get('x-request-id'),
  });
}

/** The `data:` of each server-sent event, however the bytes are cut. */
export async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done });
      const lines = rest.split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line.startsWith('data:')) yield line.slice('data:'.length).trim();
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
