/** One row of a training file: a chat whose assistant messages are what the model learns to say. */
import { z } from 'zod';
import { textOf } from './openai/chat-messages.ts';
import { requestProblem } from './openai/request-problem.ts';

const text = z.union([z.string(), z.array(z.looseObject({ type: z.literal('text'), text: z.string() })).min(1)]);
const name = z.string().optional();

const toolCall = z.looseObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.looseObject({ name: z.string(), arguments: z.string().describe('JSON as text.') }),
});

/** One message of a row: who says it, and what; a tool's result names the call that it answers. */
export const ChatTurn = z.discriminatedUnion('role', [
  z.looseObject({ role: z.literal('system'), content: text, name }),
  z.looseObject({ role: z.literal('developer'), content: text, name }),
  z.looseObject({ role: z.literal('user'), content: text, name }),
  z.looseObject({
    role: z.literal('assistant'),
    content: text.nullish(),
    name,
    tool_calls: z.array(toolCall).min(1).nullish(),
    weight: z
      .union([z.literal(0), z.literal(1)], { error: 'expected 0 or 1' })
      .optional()
      .describe('0: read but not learnt. Left out: 1.'),
  }),
  z.looseObject({ role: z.literal('tool'), content: text, tool_call_id: z.string() }),
]);

export type ChatTurn = z.output<typeof ChatTurn>;

/** OpenAI's format for supervised chat fine-tuning, one JSON object a line. Unknown keys are left alone. */
export const ChatRow = z
  .looseObject({
    messages: z.array(ChatTurn).min(1),
    tools: z.array(z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) })).nullish(),
    parallel_tool_calls: z.boolean().nullish(),
  })
  .superRefine(({ messages }, context) => {
    const problem = turnProblem(messages);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['messages'], message: problem });
  })
  .meta({ id: 'ChatRow' });
export type ChatRow = z.output<typeof ChatRow>;

/** Plain text to go on with: every token of it is learnt, and no chat template is laid around it. */
export const TextRow = z.looseObject({ text: z.string().min(1) }).meta({ id: 'TextRow' });
export type TextRow = z.output<typeof TextRow>;

/** Why nothing could be learnt from these turns, or from their order; null when all is well. */
function turnProblem(messages: ChatTurn[]): string | null {
  const answers = messages.filter((turn) => turn.role === 'assistant');
  if (answers.length === 0) return 'no message with role "assistant": there is nothing to learn from';
  if (answers.every((turn) => turn.weight === 0)) return 'every assistant message has weight 0: there is nothing to learn from';
  const saysSomething = answers.some((turn) => turn.weight !== 0 && (textOf(turn.content).trim() !== '' || turn.tool_calls));
  if (!saysSomething) return 'no assistant message with weight 1 has any content: there is nothing to learn from';
  const calls = new Set(answers.flatMap((turn) => turn.tool_calls ?? []).map((call) => call.id));
  const orphan = messages.find((turn) => turn.role === 'tool' && !calls.has(turn.tool_call_id));
  return orphan ? `a tool message answers "${String(orphan['tool_call_id'])}", which no assistant message called` : null;
}

/** What is wrong with a parsed line, in one sentence; null for a row that can be trained on. */
export function rowProblem(row: unknown): string | null {
  const parsed = ChatRow.safeParse(row);
  return parsed.success ? null : requestProblem(parsed.error, 'the row').message;
}
