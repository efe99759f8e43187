/** Asks a model over /v1/chat/completions and hands on its words as they come. */
import type { ChatCompletionChunk } from '#contract/openai/chat-answers.ts';
import { answerFailure } from './cli-error.ts';
import type { Client } from './client.ts';

export interface ChatTurn {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface Question {
  model: string;
  messages: ChatTurn[];
  temperature?: number;
  max_tokens?: number;
  seed?: number;
}

export interface Answer {
  /** The exact version that answered. */
  model: string;
  content: string;
  finish_reason: string | null;
  prompt_tokens: number;
  completion_tokens: number;
  /** From the request to the first word, and to the end. */
  first_token_ms: number | null;
  total_ms: number;
}

/** Throws the server's own failure, also one that ends the stream half-way, and the signal's reason. */
export async function streamChat(
  client: Client,
  question: Question,
  onText: (text: string) => void,
  signal?: AbortSignal,
): Promise<Answer> {
  const startedAt = performance.now();
  const since = (): number => Math.round(performance.now() - startedAt);
  const answer: Answer = {
    model: question.model,
    content: '',
    finish_reason: null,
    prompt_tokens: 0,
    completion_tokens: 0,
    first_token_ms: null,
    total_ms: 0,
  };
  const body = { ...question, stream: true, stream_options: { include_usage: true } };
  for await (const { event, data } of client.events('/v1/chat/completions', { method: 'POST', body, signal })) {
    if (data === '[DONE]') break;
    const chunk = JSON.parse(data) as ChatCompletionChunk & { error?: unknown };
    if (chunk.error || event === 'error') throw answerFailure(502, data, null);
    const choice = chunk.choices[0];
    const text = choice?.delta.content ?? '';
    if (text !== '') {
      answer.first_token_ms ??= since();
      answer.content += text;
      onText(text);
    }
    answer.model = chunk.model;
    answer.finish_reason = choice?.finish_reason ?? answer.finish_reason;
    answer.prompt_tokens = chunk.usage?.prompt_tokens ?? answer.prompt_tokens;
    answer.completion_tokens = chunk.usage?.completion_tokens ?? answer.completion_tokens;
  }
  answer.total_ms = since();
  return answer;
}

/** `41 tokens · 38 tokens/s · first word after 180 ms`. */
export function describeSpeed({ completion_tokens, first_token_ms, total_ms }: Answer): string {
  const decodeMs = total_ms - (first_token_ms ?? 0);
  const speed = completion_tokens > 1 && decodeMs > 0 ? [`${Math.round((1000 * (completion_tokens - 1)) / decodeMs)} tokens/s`] : [];
  const first = first_token_ms === null ? [] : [`first word after ${first_token_ms} ms`];
  return [`${completion_tokens} tokens`, ...speed, ...first].join(' · ');
}

/** Names that `--json` may pick of an answer. */
export const answerFields = [
  'model',
  'content',
  'finish_reason',
  'prompt_tokens',
  'completion_tokens',
  'first_token_ms',
  'total_ms',
] as const;
