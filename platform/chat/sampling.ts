/** The sampling fields of a request as the engine takes them: one generation a choice. */
import type { ChatCompletionRequest } from '#contract/openai/chat-completions.ts';
import type { CompletionRequest } from '#contract/openai/completions.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { GenerateRequest, OutputFormat } from '#platform/inference/engine.ts';
import { checkTokenIds } from './prompt-limits.ts';
import type { ResolvedVersion } from './chat.ts';

export interface ChoiceSettings {
  prompt: number[];
  maxTokens: number;
  count: number;
  topLogprobs: number | null;
  echo: boolean;
  format: OutputFormat;
  tools?: unknown[];
  messages?: unknown[];
  lastUserText?: string;
}

/** `count` generations of one prompt. With a seed each gets its own, or all answers would be the same. */
export function choicesOf(
  resolved: ResolvedVersion,
  request: ChatCompletionRequest | CompletionRequest,
  settings: ChoiceSettings,
): GenerateRequest[] {
  const logitBias = request.logit_bias as Record<number, number>;
  checkTokenIds(resolved, Object.keys(logitBias).map(Number), 'logit_bias');
  if (settings.topLogprobs !== null && !resolved.engine.supports.logprobs) throw notOnEngine(resolved, 'logprobs');
  if (settings.format.type !== 'text' && !resolved.engine.supports.grammar) throw notOnEngine(resolved, 'response_format');
  const { count, ...fixed } = settings;
  return Array.from({ length: count }, (_, index) => ({
    ...fixed,
    version: resolved.version,
    temperature: request.temperature,
    topP: request.top_p,
    topK: null,
    minP: null,
    seed: typeof request.seed === 'number' ? request.seed + index : null,
    stop: request.stop,
    frequencyPenalty: request.frequency_penalty,
    presencePenalty: request.presence_penalty,
    logitBias,
  }));
}

export function notOnEngine(resolved: ResolvedVersion, param: string): PlatformError {
  return new PlatformError('unsupported_parameter', `${param}: the engine that serves "${resolved.version.id}" cannot do it`, { param });
}
