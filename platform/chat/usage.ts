/** The tokens of one request, added up while its choices come in. */
import type { CompletionUsage } from '#contract/openai/chat-answers.ts';
import type { GenerateEvent } from '#platform/inference/engine.ts';

export class UsageCount {
  readonly #promptTokens: number;
  #completionTokens = 0;
  #cachedTokens = 0;
  /** As the engines counted them: another server's tokens are its own. */
  #toldPromptTokens = 0;

  /** `promptTokens`: each prompt counts once, however many answers it gets. */
  constructor(promptTokens: number) {
    this.#promptTokens = promptTokens;
  }

  /** `isFirstOfPrompt`: what later answers to the same prompt find cached is no saving to tell of. */
  add(end: Extract<GenerateEvent, { type: 'text-end' }>, isFirstOfPrompt: boolean): void {
    this.#completionTokens += end.completionTokens;
    if (!isFirstOfPrompt) return;
    this.#cachedTokens += end.cachedTokens;
    this.#toldPromptTokens += end.promptTokens;
  }

  total(): CompletionUsage {
    const promptTokens = this.#toldPromptTokens || this.#promptTokens;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: this.#completionTokens,
      total_tokens: promptTokens + this.#completionTokens,
      prompt_tokens_details: { cached_tokens: this.#cachedTokens },
    };
  }
}
