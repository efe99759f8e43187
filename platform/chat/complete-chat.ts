/** An admitted chat request, answered whole: OpenAI's `chat.completion`. */
import type { ChatCompletion, ChatTokenLogprob } from '#contract/openai/chat-answers.ts';
import type { RequestMeter } from '#platform/monitoring/metrics.ts';
import type { AdmittedChat } from './admit-chat.ts';
import { generateChoices } from './generate-choices.ts';
import { chatLogprobs } from './token-logprobs.ts';
import { UsageCount } from './usage.ts';

type Choice = ChatCompletion['choices'][number];

export async function completeChat(admitted: AdmittedChat, meter: RequestMeter, signal: AbortSignal): Promise<ChatCompletion> {
  const wantsLogprobs = admitted.requests[0]!.topLogprobs !== null;
  const choices = admitted.requests.map((_, index) => emptyChoice(index, wantsLogprobs));
  const texts = admitted.requests.map(() => '');
  const usage = new UsageCount(admitted.promptTokens);
  for await (const { index, event } of generateChoices(admitted.engine, admitted.requests, meter, signal)) {
    const choice = choices[index]!;
    if (event.type === 'text-delta') {
      texts[index] += event.text;
      choice.logprobs?.content?.push(...chatLogprobs(event.tokens));
    } else if (event.type === 'tool-call') {
      if (event.index < admitted.mostToolCalls) addToolCall(choice, event, admitted.isLegacy);
    } else if (event.type === 'text-end') {
      choice.finish_reason = finishReason(event.finishReason, admitted.isLegacy);
      usage.add(event, index === 0);
    }
  }
  for (const choice of choices) {
    const isCallOnly =
      texts[choice.index] === '' && (choice.message.tool_calls !== undefined || choice.message.function_call !== undefined);
    choice.message.content = isCallOnly ? null : texts[choice.index]!;
  }
  return {
    id: admitted.id,
    object: 'chat.completion',
    created: admitted.created,
    model: admitted.model,
    choices,
    usage: usage.total(),
    service_tier: 'default',
    system_fingerprint: admitted.fingerprint,
  };
}

function emptyChoice(index: number, wantsLogprobs: boolean): Choice {
  const content: ChatTokenLogprob[] = [];
  return {
    index,
    message: { role: 'assistant', content: null, refusal: null },
    logprobs: wantsLogprobs ? { content, refusal: null } : null,
    finish_reason: 'stop',
  };
}

function addToolCall(choice: Choice, call: { id: string; name: string; arguments: string }, isLegacy: boolean): void {
  const named = { name: call.name, arguments: call.arguments };
  if (isLegacy) choice.message.function_call = named;
  else (choice.message.tool_calls ??= []).push({ id: call.id, type: 'function', function: named });
}

/** The deprecated form of a tool call has its own word for why the answer ended. */
export function finishReason(reason: 'stop' | 'length' | 'tool_calls', isLegacy: boolean): Choice['finish_reason'] {
  return reason === 'tool_calls' && isLegacy ? 'function_call' : reason;
}
