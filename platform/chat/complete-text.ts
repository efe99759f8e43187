/** An admitted completion request, answered whole: OpenAI's `text_completion`. */
import type { Completion, CompletionLogprobs } from '#contract/openai/completions.ts';
import type { TokenLogprob } from '#platform/inference/engine.ts';
import type { RequestMeter } from '#platform/monitoring/metrics.ts';
import type { AdmittedText } from './admit-text.ts';
import { generateChoices } from './generate-choices.ts';
import { appendLogprobs, completionLogprobs } from './token-logprobs.ts';
import { UsageCount } from './usage.ts';

interface Made {
  text: string;
  logprobs: CompletionLogprobs;
  /** Of the generated tokens alone, in nats: what best_of ranks by. */
  logprobSum: number;
  tokenCount: number;
  finishReason: 'stop' | 'length';
}

export async function completeText(admitted: AdmittedText, meter: RequestMeter, signal: AbortSignal): Promise<Completion> {
  const made = admitted.requests.map((_, index) => emptyAnswer(admitted.echoes[Math.floor(index / admitted.madePerPrompt)]!));
  const usage = new UsageCount(admitted.promptTokens);
  for await (const { index, event } of generateChoices(admitted.engine, admitted.requests, meter, signal)) {
    const answer = made[index]!;
    if (event.type === 'prompt-scored') {
      appendLogprobs(answer.logprobs, completionLogprobs(event.tokens, 0));
    } else if (event.type === 'text-delta') {
      appendLogprobs(answer.logprobs, completionLogprobs(event.tokens, answer.text.length));
      answer.text += event.text;
      rank(answer, event.tokens);
    } else if (event.type === 'text-end') {
      answer.finishReason = event.finishReason === 'length' ? 'length' : 'stop';
      usage.add(event, index % admitted.madePerPrompt === 0);
    }
  }
  return {
    id: admitted.id,
    object: 'text_completion',
    created: admitted.created,
    model: admitted.model,
    system_fingerprint: admitted.fingerprint,
    choices: told(admitted, made).map((answer, index) => ({
      index,
      text: answer.text,
      logprobs: admitted.wantsLogprobs ? answer.logprobs : null,
      finish_reason: answer.finishReason,
    })),
    usage: usage.total(),
  };
}

function emptyAnswer(echo: string): Made {
  return {
    text: echo,
    logprobs: { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] },
    logprobSum: 0,
    tokenCount: 0,
    finishReason: 'stop',
  };
}

function rank(answer: Made, tokens: TokenLogprob[]): void {
  answer.tokenCount += tokens.length;
  for (const token of tokens) answer.logprobSum += token.logprob ?? 0;
}

/** Of each prompt's answers those to be told: all, or with best_of the likeliest by mean logprob a token. */
function told(admitted: AdmittedText, made: Made[]): Made[] {
  const { madePerPrompt, toldPerPrompt } = admitted;
  if (madePerPrompt === toldPerPrompt) return made;
  return admitted.echoes.flatMap((_, prompt) =>
    made
      .slice(prompt * madePerPrompt, (prompt + 1) * madePerPrompt)
      .toSorted((left, right) => meanLogprob(right) - meanLogprob(left))
      .slice(0, toldPerPrompt),
  );
}

function meanLogprob(answer: Made): number {
  return answer.tokenCount === 0 ? 0 : answer.logprobSum / answer.tokenCount;
}
