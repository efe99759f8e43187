/** Admits a completion request: one or several prompts, as text or as token ids. */
import type { CompletionRequest } from '#contract/openai/completions.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { GenerateRequest } from '#platform/inference/engine.ts';
import { admission, type Admitted, type Chat, type ResolvedVersion } from './chat.ts';
import { checkTokenIds, tokensLeft } from './prompt-limits.ts';
import { resolveVersion } from './resolve-version.ts';
import { choicesOf } from './sampling.ts';

export interface AdmittedText extends Admitted {
  wantsLogprobs: boolean;
  /** Answers that are made for each prompt, and how many of them are told, the likeliest first. */
  madePerPrompt: number;
  toldPerPrompt: number;
  /** What an answer begins with: its prompt with "echo", else nothing. One a prompt. */
  echoes: string[];
}

/** Prompts of one request, so that a single one cannot take the server for itself. */
const mostPrompts = 1024;

export async function admitText(chat: Chat, projectId: string, request: CompletionRequest): Promise<AdmittedText> {
  const resolved = await resolveVersion(chat, projectId, request.model);
  const prompts = promptsOf(request.prompt);
  const toldPerPrompt = request.n;
  const madePerPrompt = request.best_of ?? request.n;
  const wantsLogprobs = typeof request.logprobs === 'number';
  const requests: GenerateRequest[] = [];
  const echoes: string[] = [];
  let promptTokens = 0;
  for (const given of prompts) {
    const prompt = await tokensOf(resolved, given);
    promptTokens += prompt.length;
    echoes.push(request.echo ? await textOf(resolved, given) : '');
    const choices = choicesOf(resolved, request, {
      prompt,
      maxTokens: tokensLeft(resolved, prompt.length, request.max_tokens, 'prompt'),
      count: madePerPrompt,
      topLogprobs: wantsLogprobs ? request.logprobs! : madePerPrompt > toldPerPrompt ? 0 : null,
      echo: request.echo && wantsLogprobs,
      format: { type: 'text' },
      ...(typeof given === 'string' && { lastUserText: given }),
    });
    for (const choice of choices) requests.push(choice);
  }
  return {
    ...admission('cmpl-', request, resolved),
    requests,
    promptTokens,
    wantsLogprobs,
    madePerPrompt,
    toldPerPrompt,
    echoes,
  };
}

function promptsOf(prompt: CompletionRequest['prompt']): (string | number[])[] {
  if (prompt === null || typeof prompt === 'string') return [prompt ?? ''];
  const prompts = typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as string[] | number[][]);
  if (prompts.length > mostPrompts) {
    throw new PlatformError('invalid_request', `prompt: ${prompts.length} prompts in one request; at most ${mostPrompts}`, {
      param: 'prompt',
    });
  }
  return prompts;
}

async function tokensOf(resolved: ResolvedVersion, prompt: string | number[]): Promise<number[]> {
  if (typeof prompt !== 'string') {
    checkTokenIds(resolved, prompt, 'prompt');
    return prompt;
  }
  const tokens = await resolved.engine.tokenize(resolved.version, prompt, true);
  if (tokens.length > 0) return tokens;
  throw new PlatformError('invalid_request', 'prompt: is empty; give at least one character or token', { param: 'prompt' });
}

async function textOf(resolved: ResolvedVersion, prompt: string | number[]): Promise<string> {
  return typeof prompt === 'string' ? prompt : resolved.engine.detokenize(resolved.version, prompt);
}
