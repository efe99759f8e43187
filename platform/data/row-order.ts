/** The order that messages of a training row must have: what chat templates are made for, and what the worker takes. */
import type { ChatRow } from '#contract/dataset.ts';

type Message = ChatRow['messages'][number];

/**
 * A system message stands first or nowhere; then the user; then in turns, the last of them the assistant's. Several messages of the
 * user in a row are fine, two of the assistant are not: a template would run them into one. Null when all is well.
 */
export function orderProblem({ messages }: ChatRow): string | null {
  const first = isSystem(messages[0]!) ? 1 : 0;
  const late = messages.findIndex((message, index) => index > 0 && isSystem(message));
  if (late !== -1) return `message ${late + 1} is from the ${messages[late]!.role}: such a message stands first or nowhere`;
  const opener = messages[first];
  if (opener?.role !== 'user') return `message ${first + 1} is from the ${opener?.role ?? 'nobody'}: a chat begins with the user`;
  for (let index = first + 1; index < messages.length; index++) {
    const problem = turnProblem(messages[index - 1]!, messages[index]!, index + 1);
    if (problem !== null) return problem;
  }
  const weighted = messages.findIndex((message) => message.role !== 'assistant' && 'weight' in message && message['weight'] !== undefined);
  if (weighted !== -1) return `message ${weighted + 1} (${messages[weighted]!.role}) has a weight: only what the assistant says is learnt`;
  const last = messages.at(-1)!;
  return last.role === 'assistant' ? null : `the last message is from the ${last.role}: a row ends with what the assistant is to say`;
}

function turnProblem(before: Message, message: Message, number: number): string | null {
  if (message.role === 'assistant' && before.role === 'assistant')
    return `message ${number} is a second one of the assistant in a row: join the two`;
  if (message.role === 'tool' && before.role !== 'assistant' && before.role !== 'tool')
    return `message ${number} is from the tool, but follows the ${before.role}`;
  if (message.role === 'assistant' && isEmpty(message)) return `message ${number} (assistant) is empty`;
  return null;
}

function isSystem(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer';
}

function isEmpty(message: Extract<Message, { role: 'assistant' }>): boolean {
  const text = typeof message.content === 'string' ? message.content : (message.content ?? []).map((part) => part.text).join('');
  return text === '' && !message.tool_calls?.length;
}
