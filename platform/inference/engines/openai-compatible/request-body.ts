/** What the other server is asked: our request in OpenAI's words. */
import type { GenerateRequest } from '../../engine.ts';
import { wordText } from '../scripted/word-tokens.ts';

/** `echo` scores the prompt and generates nothing. */
export function requestBody(
  model: string,
  request: GenerateRequest,
  context: number,
  kind: 'chat' | 'text' | 'echo',
): Record<string, unknown> {
  const prompt = wordText(request.prompt);
  if (kind === 'echo') return { model, prompt, echo: true, max_tokens: 0, logprobs: request.topLogprobs ?? 0 };
  // All that is left of the context is what nobody limited: then the server knows better how much that is.
  const isLimited = request.maxTokens < context - request.prompt.length;
  const shared = {
    model,
    stream: true,
    stream_options: { include_usage: true },
    temperature: request.temperature,
    top_p: request.topP,
    ...(isLimited && { max_tokens: request.maxTokens }),
    ...(request.seed !== null && { seed: request.seed }),
    ...(request.stop.length > 0 && { stop: request.stop }),
    ...(request.frequencyPenalty !== 0 && { frequency_penalty: request.frequencyPenalty }),
    ...(request.presencePenalty !== 0 && { presence_penalty: request.presencePenalty }),
    ...(Object.keys(request.logitBias).length > 0 && { logit_bias: request.logitBias }),
  };
  if (kind === 'text') return { ...shared, prompt, ...(request.topLogprobs !== null && { logprobs: request.topLogprobs }) };
  return {
    ...shared,
    messages: request.messages ?? [{ role: 'user', content: request.lastUserText ?? prompt }],
    ...(request.topLogprobs !== null && { logprobs: true, top_logprobs: request.topLogprobs }),
    ...(request.tools && { tools: request.tools }),
    ...formatField(request),
  };
}

function formatField({ format }: GenerateRequest): Record<string, unknown> {
  if (format.type === 'text') return {};
  if (format.type === 'json_object') return { response_format: { type: 'json_object' } };
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } } };
}
