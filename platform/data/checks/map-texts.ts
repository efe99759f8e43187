/** A row with every text of it changed in the same way. */
import type { ChatTurn } from '#contract/dataset.ts';
import type { ValidRow } from '../data-row.ts';

export function mapTexts(row: ValidRow, change: (text: string) => string): ValidRow {
  const turns = (list: ChatTurn[]): ChatTurn[] => list.map((turn) => changed(turn, change));
  switch (row.kind) {
    case 'chat':
      return { ...row, messages: turns(row.messages) };
    case 'text':
      return { ...row, text: change(row.text) };
    case 'preference':
      return { ...row, prompt: turns(row.prompt), preferred: turns(row.preferred), rejected: turns(row.rejected) };
    case 'unpaired':
      return { ...row, prompt: turns(row.prompt), completion: turns(row.completion) };
    case 'prompt':
      return { ...row, prompt: turns(row.prompt) };
  }
}

function changed(turn: ChatTurn, change: (text: string) => string): ChatTurn {
  const { content } = turn;
  const next = { ...turn } as ChatTurn;
  if (typeof content === 'string') next.content = change(content);
  else if (content) next.content = content.map((part) => ({ ...part, text: change(part.text) }));
  if ('input' in next && typeof next['input'] === 'string') next['input'] = change(next['input']);
  if (next.role === 'assistant' && next.tool_calls) {
    // Arguments are JSON as text: what is put in their place must not break it.
    next.tool_calls = next.tool_calls.map((call) => ({
      ...call,
      function: { ...call.function, arguments: keepJson(call.function.arguments, change) },
    }));
  }
  return next;
}

function keepJson(text: string, change: (text: string) => string): string {
  const next = change(text);
  try {
    JSON.parse(next);
    return next;
  } catch {
    return text;
  }
}
