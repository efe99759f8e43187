/** The messages of a chat request: who said what, as text or as a list of parts. */
import { z } from 'zod';
import { unsupported, unsupportedValue } from './request-problem.ts';

const never = (): boolean => false;

/** What is not text needs a model that reads it; none here does. */
const unreadable = (type: 'image_url' | 'input_audio' | 'file', what: string) =>
  z.looseObject({ type: z.literal(type) }).refine(never, unsupportedValue(`no model here reads ${what}`));

export const ContentPart = z
  .discriminatedUnion('type', [
    z.looseObject({ type: z.literal('text'), text: z.string() }),
    z.looseObject({ type: z.literal('refusal'), refusal: z.string() }),
    unreadable('image_url', 'images'),
    unreadable('input_audio', 'audio'),
    unreadable('file', 'files'),
  ])
  .meta({ id: 'ContentPartRequest' });

const content = z.union([z.string(), z.array(ContentPart).min(1)]);
const name = z.string().min(1).optional();

const functionToolCall = z.looseObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
});
const customToolCall = z
  .looseObject({ id: z.string(), type: z.literal('custom') })
  .refine(never, unsupportedValue('custom tools are not served'));

const assistant = z
  .looseObject({
    role: z.literal('assistant'),
    content: content.nullish(),
    refusal: z.string().nullish(),
    name,
    tool_calls: z.array(z.discriminatedUnion('type', [functionToolCall, customToolCall])).nullish(),
    function_call: z.looseObject({ name: z.string(), arguments: z.string() }).nullish().describe('Deprecated form of tool_calls.'),
    audio: unsupported('audio is not served'),
  })
  .refine(({ content, refusal, tool_calls, function_call }) => content ?? refusal ?? tool_calls?.length ?? function_call, {
    path: ['content'],
    error: 'is needed in an assistant message without tool calls',
    abort: true,
  });

export const ChatMessage = z
  .discriminatedUnion('role', [
    z.looseObject({ role: z.literal('system'), content, name }),
    z.looseObject({ role: z.literal('developer'), content, name }).describe('Read as a system message.'),
    z.looseObject({ role: z.literal('user'), content, name }),
    assistant,
    z.looseObject({ role: z.literal('tool'), content, tool_call_id: z.string() }),
    z
      .looseObject({ role: z.literal('function'), content: z.string().nullable(), name: z.string() })
      .describe('Deprecated form of a tool message.'),
  ])
  .meta({ id: 'ChatMessageRequest' });
export type ChatMessage = z.output<typeof ChatMessage>;

/** The text of a message's content: its parts one after the other, nothing between them. */
export function textOf(content: ChatMessage['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => (part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : '')).join('');
}
