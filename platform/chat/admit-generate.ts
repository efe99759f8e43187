/** Admits a request of the platform's own plain form: a completion with other defaults. */
import type { GenerateRequest } from '#contract/generate-text.ts';
import { CompletionRequest } from '#contract/openai/completions.ts';
import { requestProblem } from '#contract/openai/request-problem.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { admitText, type AdmittedText } from './admit-text.ts';
import type { Chat } from './chat.ts';

/** One answer, never streamed by itself; the other fields of a completion (stop, seed, top_p …) hold here too. */
export async function admitGenerate(chat: Chat, projectId: string, request: GenerateRequest): Promise<AdmittedText> {
  const { type: _, ...fields } = request as GenerateRequest & { type?: unknown };
  const parsed = CompletionRequest.safeParse({ ...fields, model: request.model ?? chat.defaultModel, n: 1, stream: false });
  if (parsed.success) return admitText(chat, projectId, parsed.data);
  const { code, message, param } = requestProblem(parsed.error);
  throw new PlatformError(code, message, { param });
}
