/** One measurement of parity: the engine answers some prompts as it answers the API, and the trained model judges each token. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ChatMessage } from '#contract/openai/chat-messages.ts';
import type { ScoreResult, ScoreTask } from '#contract/parity.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { Engine, ServedVersion, TokenLogprob } from '#platform/inference/engine.ts';
import { greedyRequest } from '#platform/inference/greedy-request.ts';
import { renderChat } from '#platform/inference/render-chat.ts';
import { compareAnswers, type Comparison, type ParityLimits, type ServedAnswer } from './compare-answers.ts';
import type { ParityPrompt } from './parity-prompts.ts';

export interface ParityCase {
  engine: Engine;
  served: ServedVersion;
  /** Folder with the tokenizer and the chat template, as requests are rendered by it. */
  modelDir: string;
  template: 'model' | 'instruction';
  /** Folder with the adapter as PEFT reads it. */
  adapterDir: string;
  prompts: ParityPrompt[];
  limits: ParityLimits;
  /** The worker's side; `modelDir` of its task is the one that training used. */
  score: (task: ScoreTask) => Promise<ScoreResult>;
  trainedModelDir: string;
  trainedTemplate: string | null;
}

/** Tokens of an answer: enough to see a fault, which shows at once, in as little time as possible. */
const answerTokens = 8;
/** Answers at once: a batch is cheaper than one after the other, and leaves room for whoever asks meanwhile. */
const atOnce = 4;
/** A full queue is none of our business: it is waited for. */
const retryMs = 1000;

/** Throws what the engine and the worker throw, and the signal's reason. */
export async function measureParity(measured: ParityCase, signal: AbortSignal): Promise<Comparison> {
  const answers: ServedAnswer[] = [];
  for (let start = 0; start < measured.prompts.length; start += atOnce) {
    const some = measured.prompts.slice(start, start + atOnce);
    answers.push(...(await Promise.all(some.map((prompt) => answer(measured, prompt, signal)))));
  }
  const prompts = answers.map(({ tokens }, index) => ({
    messages: measured.prompts[index]!.map(({ role, content }) => ({ role, content })),
    answer: tokens.map(({ tokenId }) => [tokenId]),
  }));
  const task = {
    model_dir: measured.trainedModelDir,
    adapter_dir: measured.adapterDir,
    chat_template: measured.trainedTemplate,
    threads: 1,
    prompts,
    rows: [],
  };
  const { prompts: scored } = await Promise.race([measured.score(task), aborted(signal)]);
  return compareAnswers(answers, scored, measured.limits);
}

async function answer(
  { engine, served, modelDir, template }: ParityCase,
  prompt: ParityPrompt,
  signal: AbortSignal,
): Promise<ServedAnswer> {
  const promptIds = await engine.tokenize(served, await renderChat(modelDir, prompt as ChatMessage[], [], template), 'rendered');
  for (;;) {
    try {
      return { asked: prompt.at(-1)!.content, promptIds, ...(await generate(engine, served, promptIds, signal)) };
    } catch (error) {
      if (!(error instanceof PlatformError) || error.code !== 'rate_limit_exceeded') throw error;
      await wait(retryMs, undefined, { signal });
    }
  }
}

async function generate(
  engine: Engine,
  served: ServedVersion,
  promptIds: number[],
  signal: AbortSignal,
): Promise<Pick<ServedAnswer, 'tokens' | 'isEnded'>> {
  const tokens: TokenLogprob[] = [];
  let isEnded = false;
  for await (const event of engine.generate({ ...greedyRequest(served, promptIds, answerTokens), topLogprobs: 1 }, signal)) {
    if (event.type === 'text-delta') tokens.push(...event.tokens);
    if (event.type === 'text-end') isEnded = event.finishReason === 'stop';
  }
  return { tokens, isEnded };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}
