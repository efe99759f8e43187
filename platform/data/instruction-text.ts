/** Chats as plain text under `### Instruction:`, `### Input:` and `### Response:`. */
import type { ChatTurn } from '#contract/dataset.ts';
import { instructionTemplate } from '#platform/core/instruction-template.ts';
import { parseTemplate, renderTemplate } from '#platform/core/render-template.ts';
import { RowRefused } from './row-refused.ts';
import { turnText } from './row-text.ts';

const template = parseTemplate(instructionTemplate);

/** Throws RowRefused for roles that the template has no heading for. */
export function instructionText(turns: ChatTurn[]): string {
  if (turns.some((turn) => turn.role === 'tool' || (turn.role === 'assistant' && turn.tool_calls?.length)))
    throw new RowRefused('plain text has no place for tools');
  const messages = turns.map((turn) => ({ ...turn, role: turn.role === 'developer' ? 'system' : turn.role, content: turnText(turn) }));
  return renderTemplate(template, { messages, add_generation_prompt: false }).trimEnd();
}
