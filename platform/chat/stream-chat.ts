/** An admitted chat request, answered as it is generated: OpenAI's `chat.completion.chunk`s in the order its clients expect. */
import type { ChatCompletionChunk } from '#contract/openai/chat-answers.ts';
import type { GenerateEvent } from '#platform/inference/engine.ts';
import type { RequestMeter } from '#platform/monitoring/metrics.ts';
import type { AdmittedChat } from './admit-chat.ts';
import { finishReason } from './complete-chat.ts';
import { generateChoices } from './generate-choices.ts';
import { chatLogprobs } from './token-logprobs.ts';
import { UsageCount } from './usage.ts';

type ChunkChoice = ChatCompletionChunk['choices'][number];

/** Role chunk a choice · deltas · one finish chunk a choice · with include_usage one chunk without choices. */
export async function* streamChat(admitted: AdmittedChat, meter: RequestMeter, signal: AbortSignal): AsyncGenerator<ChatCompletionChunk> {
  const chunk = chunkMaker(admitted);
  const usage = new UsageCount(admitted.promptTokens);
  const hasBegun = admitted.requests.map(() => false);
  for await (const { index, event } of generateChoices(admitted.engine, admitted.requests, meter, signal)) {
    if (!hasBegun[index]) {
      hasBegun[index] = true;
      yield chunk([{ index, delta: { role: 'assistant', content: '', refusal: null }, finish_reason: null, logprobs: null }]);
    }
    const choice = choiceOf(admitted, index, event);
    if (choice) yield chunk([choice]);
    if (event.type === 'text-end') usage.add(event, index === 0);
  }
  if (admitted.wantsUsage) yield { ...chunk([]), usage: usage.total() };
}

function chunkMaker(admitted: AdmittedChat): (choices: ChunkChoice[]) => ChatCompletionChunk {
  const { id, created, model, fingerprint, wantsUsage } = admitted;
  return (choices) => ({
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    service_tier: 'default',
    system_fingerprint: fingerprint,
    choices,
    ...(wantsUsage && { usage: null }),
  });
}

/** Null for an event that has nothing to show. */
function choiceOf(admitted: AdmittedChat, index: number, event: GenerateEvent): ChunkChoice | null {
  if (event.type === 'text-delta') {
    const wantsLogprobs = admitted.requests[index]!.topLogprobs !== null;
    if (event.text === '' && !wantsLogprobs) return null;
    const logprobs = wantsLogprobs ? { content: chatLogprobs(event.tokens), refusal: null } : null;
    return { index, delta: { content: event.text }, finish_reason: null, logprobs };
  }
  if (event.type === 'tool-call') {
    if (event.index >= admitted.mostToolCalls) return null;
    const named = { name: event.name, arguments: event.arguments };
    const call = { index: event.index, id: event.id, type: 'function' as const, function: named };
    return { index, delta: admitted.isLegacy ? { function_call: named } : { tool_calls: [call] }, finish_reason: null, logprobs: null };
  }
  if (event.type === 'text-end') {
    return { index, delta: {}, finish_reason: finishReason(event.finishReason, admitted.isLegacy), logprobs: null };
  }
  return null;
}
