/** Texts to messages and back, for formats that have no messages. */
import type { ChatTurn } from '#contract/dataset.ts';
import { textOf } from '#contract/openai/chat-messages.ts';
import { RowRefused } from '../row-refused.ts';

export const user = (content: string): ChatTurn => ({ role: 'user', content });
export const assistant = (content: string): ChatTurn => ({ role: 'assistant', content });
export const system = (content: string | null | undefined): ChatTurn[] => (content ? [{ role: 'system', content }] : []);

/** A question as a text, or as the messages that it already is. */
export function promptTurns(prompt: string | ChatTurn[]): ChatTurn[] {
  return typeof prompt === 'string' ? [user(prompt)] : prompt;
}

export function answerTurns(answer: string | ChatTurn[]): ChatTurn[] {
  return typeof answer === 'string' ? [assistant(answer)] : answer;
}

/** The one text that these turns are; null when they are more than that. */
export function oneText(turns: ChatTurn[], role: 'user' | 'assistant'): string | null {
  const [turn, ...others] = turns;
  if (turn?.role !== role || others.length > 0 || hasCalls(turn) || weightOf(turn) === 0) return null;
  return turn.content ? textOf(turn.content) : '';
}

export const hasCalls = (turn: ChatTurn): boolean => turn.role === 'assistant' && (turn.tool_calls?.length ?? 0) > 0;
export const weightOf = (turn: ChatTurn): number => (turn.role === 'assistant' ? (turn.weight ?? 1) : 1);

/** Tools as a list, or as the JSON of one, which is how tables carry them. */
export function toolList(tools: unknown): unknown[] | undefined {
  if (tools === null || tools === undefined || tools === '') return undefined;
  const value: unknown = typeof tools === 'string' ? parseJson(tools) : tools;
  if (!Array.isArray(value)) throw new RowRefused('tools: neither a list nor the JSON of one');
  if (value.length === 0) return undefined;
  // Some write a function without the envelope that OpenAI puts around it.
  return value.map((tool: unknown) =>
    typeof tool === 'object' && tool !== null && !('type' in tool) && 'name' in tool ? { type: 'function', function: tool } : tool,
  );
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A system message before, exchanges of user and assistant, nothing else: what most formats can say. Null for any other chat. */
export function plainExchanges(messages: ChatTurn[]): { system: string | null; exchanges: [string, string][] } | null {
  const [first] = messages;
  const opens = first?.role === 'system' || first?.role === 'developer';
  const turns = opens ? messages.slice(1) : messages;
  if (turns.length === 0 || turns.length % 2 === 1) return null;
  const exchanges: [string, string][] = [];
  for (let at = 0; at < turns.length; at += 2) {
    const asked = oneText([turns[at]!], 'user');
    const said = oneText([turns[at + 1]!], 'assistant');
    if (asked === null || said === null) return null;
    exchanges.push([asked, said]);
  }
  return { system: opens && first.content ? textOf(first.content) : null, exchanges };
}
