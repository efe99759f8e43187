/** Messages → the prompt text that the model was trained to continue, by its own chat template. */
import { textOf, type ChatMessage } from '#contract/openai/chat-messages.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { renderTemplate, TemplateFailure, TemplateRefusal } from '#platform/core/render-template.ts';
import { readChatTemplate } from './chat-template.ts';

/**
 * Ends with the generation prompt. `modelDir` holds the tokenizer's files; '' or a folder without a chat template is rendered as
 * `### Instruction:` … `### Response:`, and so is any model that was taught by it (`template`). Throws `unsupported_parameter` for tools that the template would not show to the model,
 * `invalid_request` for messages that it refuses.
 */
export async function renderChat(
  modelDir: string,
  messages: readonly ChatMessage[],
  tools: readonly unknown[],
  template: 'model' | 'instruction' = 'model',
): Promise<string> {
  const chat = await readChatTemplate(modelDir, template);
  const choice = (tools.length > 0 ? chat.toolTemplate : null) ?? chat.template;
  if (tools.length > 0 && !choice.readsTools) {
    throw new PlatformError('unsupported_parameter', 'tools: the chat template of this model does not show tools to it; leave them out', {
      param: 'tools',
    });
  }
  const values = {
    ...chat.specialTokens,
    messages: messages.map(templateMessage),
    tools: tools.length > 0 ? tools : null,
    add_generation_prompt: true,
  };
  try {
    return renderTemplate(choice.parsed, values);
  } catch (cause) {
    if (cause instanceof TemplateRefusal) {
      throw new PlatformError('invalid_request', `messages: the chat template of this model refuses them: ${cause.message}`, {
        cause,
        param: 'messages',
      });
    }
    if (cause instanceof TemplateFailure) {
      throw new PlatformError('model_refused', `the chat template of this model cannot be used: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

interface FunctionCall {
  function: { name: string; arguments: string };
}

/** A message as templates of the model hub expect it: content a text, arguments of a tool call an object. */
function templateMessage(message: ChatMessage): Record<string, unknown> {
  const content = textOf(message.content);
  if (message.role === 'developer') return { role: 'system', content };
  if (message.role === 'function') return { role: 'tool', name: message.name, content };
  if (message.role !== 'assistant') return { ...message, content };
  const legacy = message.function_call ? [{ type: 'function', id: '', function: message.function_call }] : [];
  const calls = (message.tool_calls as FunctionCall[] | null | undefined) ?? legacy;
  const { function_call: _legacy, refusal: _refusal, tool_calls: _calls, ...rest } = message;
  const said = { ...rest, content: content || (message.refusal ?? '') };
  if (calls.length === 0) return said;
  return {
    ...said,
    tool_calls: calls.map((call) => ({ ...call, function: { ...call.function, arguments: parsed(call.function.arguments) } })),
  };
}

/** What is not JSON stays the text that it is. */
function parsed(argumentsText: string): unknown {
  try {
    return JSON.parse(argumentsText) as unknown;
  } catch {
    return argumentsText;
  }
}
