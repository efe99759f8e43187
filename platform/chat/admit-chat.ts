/** Admits a chat request: everything that can be wrong with it is found here, before the first byte of the answer. */
import { textOf } from '#contract/openai/chat-messages.ts';
import type { ChatCompletionRequest } from '#contract/openai/chat-completions.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { OutputFormat } from '#platform/inference/engine.ts';
import { renderChat } from '#platform/inference/render-chat.ts';
import { isLegacy, offeredTools } from './chat-tools.ts';
import { admission, type Admitted, type Chat } from './chat.ts';
import { tokensLeft } from './prompt-limits.ts';
import { resolveVersion } from './resolve-version.ts';
import { choicesOf, notOnEngine } from './sampling.ts';

export interface AdmittedChat extends Admitted {
  /** The caller sent `functions`: the answer says `function_call`. */
  isLegacy: boolean;
  /** At most this many tool calls are passed on. */
  mostToolCalls: number;
}

export async function admitChat(chat: Chat, projectId: string, request: ChatCompletionRequest): Promise<AdmittedChat> {
  const resolved = await resolveVersion(chat, projectId, request.model);
  const tools = offeredTools(request);
  if (tools.length > 0 && !resolved.engine.supports.tools) throw notOnEngine(resolved, isLegacy(request) ? 'functions' : 'tools');
  // The script and other servers read the tools from the request; there is no template that could show them.
  const hasTemplate = resolved.entry !== null && resolved.entry.source.type !== 'scripted';
  const shown = hasTemplate ? tools : [];
  const text = await renderChat(resolved.modelDir, request.messages, shown, resolved.template);
  const prompt = await resolved.engine.tokenize(resolved.version, text, 'rendered');
  const requests = choicesOf(resolved, request, {
    prompt,
    maxTokens: tokensLeft(resolved, prompt.length, request.max_completion_tokens ?? request.max_tokens ?? null, 'messages'),
    count: request.n,
    topLogprobs: request.logprobs ? (request.top_logprobs ?? 0) : null,
    echo: false,
    format: formatOf(request),
    ...(tools.length > 0 && { tools }),
    ...(resolved.engine.supports.chats && { messages: request.messages }),
    lastUserText: lastUserText(request),
  });
  return {
    ...admission('chatcmpl-', request, resolved),
    requests,
    promptTokens: prompt.length,
    isLegacy: isLegacy(request),
    mostToolCalls: request.parallel_tool_calls && !isLegacy(request) ? Infinity : 1,
  };
}

function formatOf(request: ChatCompletionRequest): OutputFormat {
  const format = request.response_format;
  if (!format || format.type === 'text') return { type: 'text' };
  if (format.type === 'json_object') return { type: 'json_object' };
  if (!format.json_schema.schema) {
    throw new PlatformError('invalid_request', 'response_format.json_schema.schema: is needed with type json_schema', {
      param: 'response_format.json_schema.schema',
    });
  }
  return { type: 'json_schema', schema: format.json_schema.schema };
}

function lastUserText(request: ChatCompletionRequest): string {
  const last = request.messages.findLast((message) => message.role === 'user');
  return last ? textOf(last.content) : '';
}
