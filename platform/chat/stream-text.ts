/** An admitted completion request, answered as it is generated. */
import type { CompletionChunk, CompletionLogprobs } from '#contract/openai/completions.ts';
import type { RequestMeter } from '#platform/monitoring/metrics.ts';
import type { AdmittedText } from './admit-text.ts';
import { generateChoices } from './generate-choices.ts';
import { completionLogprobs } from './token-logprobs.ts';
import { UsageCount } from './usage.ts';

type ChunkChoice = CompletionChunk['choices'][number];

/** With "echo" the first chunk of a choice is its prompt; with include_usage the last has no choices. */
export async function* streamText(admitted: AdmittedText, meter: RequestMeter, signal: AbortSignal): AsyncGenerator<CompletionChunk, void> {
  const chunk = (choices: ChunkChoice[]): CompletionChunk => ({
    id: admitted.id,
    object: 'text_completion',
    created: admitted.created,
    model: admitted.model,
    system_fingerprint: admitted.fingerprint,
    choices,
    ...(admitted.wantsUsage && { usage: null }),
  });
  const usage = new UsageCount(admitted.promptTokens);
  const echoes = admitted.requests.map((_, index) => admitted.echoes[Math.floor(index / admitted.madePerPrompt)]!);
  const lengths = echoes.map((echo) => echo.length);
  for await (const { index, event } of generateChoices(admitted.engine, admitted.requests, meter, signal)) {
    const piece = (text: string, logprobs: CompletionLogprobs | null, finish: ChunkChoice['finish_reason'] = null): CompletionChunk =>
      chunk([{ index, text, logprobs, finish_reason: finish }]);
    const echo = echoes[index]!;
    if (event.type === 'prompt-scored') {
      yield piece(echo, completionLogprobs(event.tokens, 0));
      echoes[index] = '';
    } else if (echo !== '') {
      yield piece(echo, null);
      echoes[index] = '';
    }
    if (event.type === 'text-delta') {
      const logprobs = admitted.wantsLogprobs ? completionLogprobs(event.tokens, lengths[index]!) : null;
      lengths[index]! += event.text.length;
      yield piece(event.text, logprobs);
    } else if (event.type === 'text-end') {
      usage.add(event, index % admitted.madePerPrompt === 0);
      yield piece('', null, event.finishReason === 'length' ? 'length' : 'stop');
    }
  }
  if (admitted.wantsUsage) yield { ...chunk([]), usage: usage.total() };
}
