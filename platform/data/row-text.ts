/** The words of a row: what is asked, what is answered, and both as one text to compare rows by. */
import type { ChatTurn } from '#contract/dataset.ts';
import { textOf } from '#contract/openai/chat-messages.ts';
import type { DataRow } from './data-row.ts';

/** The text of one turn; a call of a tool reads as its JSON. */
export function turnText(turn: ChatTurn): string {
  const said = turn.content ? textOf(turn.content) : '';
  const calls = turn.role === 'assistant' ? turn.tool_calls : null;
  return calls?.length ? [said, ...calls.map(({ function: call }) => `${call.name}(${call.arguments})`)].filter(Boolean).join('\n') : said;
}

/** Where the answer begins: the turns before the last one of the assistant, and that one. */
export function lastAnswer(messages: ChatTurn[]): { before: ChatTurn[]; answer: ChatTurn | null } {
  const at = messages.findLastIndex((turn) => turn.role === 'assistant');
  return at === -1 ? { before: messages, answer: null } : { before: messages.slice(0, at), answer: messages[at]! };
}

/** What the model is to say in answer to what it is asked, turn by turn. */
export function rowParts(row: DataRow): { asked: ChatTurn[]; answers: string[] } {
  switch (row.kind) {
    case 'chat': {
      const { before, answer } = lastAnswer(row.messages);
      return { asked: before, answers: answer ? [turnText(answer)] : [] };
    }
    case 'preference':
      return { asked: row.prompt, answers: [row.preferred, row.rejected].map((turns) => turns.map(turnText).join('\n')) };
    case 'unpaired':
      return { asked: row.prompt, answers: [row.completion.map(turnText).join('\n')] };
    case 'prompt':
      return { asked: row.prompt, answers: [] };
    case 'text':
      return { asked: [], answers: [row.text] };
    case 'invalid':
      return { asked: [], answers: [] };
  }
}

/** Every text of the row with its place, for checks that look at characters. */
export function* rowTexts(row: DataRow): Iterable<{ role: ChatTurn['role'] | 'text'; text: string }> {
  if (row.kind === 'invalid') return;
  if (row.kind === 'text') {
    yield { role: 'text', text: row.text };
    return;
  }
  for (const turn of rowTurns(row)) {
    const text = turnText(turn);
    if (text !== '') yield { role: turn.role, text };
  }
}

export function rowTurns(row: DataRow): ChatTurn[] {
  switch (row.kind) {
    case 'chat':
      return row.messages;
    case 'preference':
      return [...row.prompt, ...row.preferred, ...row.rejected];
    case 'unpaired':
      return [...row.prompt, ...row.completion];
    case 'prompt':
      return row.prompt;
    case 'text':
    case 'invalid':
      return [];
  }
}

/** Letters and digits in lower case, single spaces between words: texts that differ in nothing else ask the same. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** What the row asks, to find rows that ask the same: all turns before the last answer, the system's among them. */
export function promptKey(row: DataRow): string {
  const { asked } = rowParts(row);
  return asked.map((turn) => `${turn.role}: ${plainWords(turnText(turn))}`).join('\n');
}
