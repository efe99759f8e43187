/** ShareGPT's turns, under all the names that tools give their speakers, to messages and back. */
import type { ChatTurn } from '#contract/dataset.ts';
import { RowRefused } from '../row-refused.ts';
import { hasCalls, parseJson, toolList, weightOf } from './turns.ts';
import { turnText } from '../row-text.ts';
import { wordOf } from './word-of.ts';

type Part = 'user' | 'assistant' | 'system' | 'call' | 'result';

const speakers: Record<string, Part> = {
  human: 'user',
  user: 'user',
  prompter: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
  chatgpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  system: 'system',
  function_call: 'call',
  tool_call: 'call',
  observation: 'result',
  tool: 'result',
  tool_response: 'result',
  function_response: 'result',
};

/** Calls of tools are numbered in the order they stand, and results answer them in that order. */
export class ShareGptReader {
  #calls = 0;
  #open: string[] = [];

  read(turn: unknown, place: string): ChatTurn {
    const { from, role, value, content, weight } = (turn ?? {}) as Record<string, unknown>;
    const name = wordOf(from ?? role).toLowerCase();
    const part = Object.hasOwn(speakers, name) ? speakers[name] : undefined;
    if (part === undefined) throw new RowRefused(`${place}.from: ${JSON.stringify(from ?? role)} is nobody that is known here`);
    const text = value ?? content;
    if (typeof text !== 'string') throw new RowRefused(`${place}.value: expected a text`);
    if (part === 'call') return this.#call(text, place);
    if (part === 'result') return { role: 'tool', tool_call_id: this.#open.shift() ?? '', content: text };
    if (part === 'assistant') return { role: 'assistant', content: text, ...weightIn(weight, place) };
    return { role: part, content: text };
  }

  #call(text: string, place: string): ChatTurn {
    const value = parseJson(text);
    const calls = (Array.isArray(value) ? value : [value]) as ({ name?: unknown; arguments?: unknown } | undefined | null)[];
    const tool_calls = calls.map((call) => {
      if (typeof call?.name !== 'string') throw new RowRefused(`${place}.value: a call is JSON with "name" and "arguments"`);
      const id = `call_${++this.#calls}`;
      this.#open.push(id);
      const written = typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {});
      return { id, type: 'function' as const, function: { name: call.name, arguments: written } };
    });
    return { role: 'assistant', content: null, tool_calls };
  }
}

function weightIn(weight: unknown, place: string): { weight?: 0 | 1 } {
  if (weight === undefined || weight === null) return {};
  if (weight === 0 || weight === 1) return { weight };
  throw new RowRefused(`${place}.weight: expected 0 or 1`);
}

/** A conversation, its system message and tools in fields of their own or among the turns. */
export function readConversation(row: Record<string, unknown>, turns: unknown): { messages: ChatTurn[]; tools: unknown[] | undefined } {
  const list = typeof turns === 'string' ? parseJson(turns) : turns;
  if (!Array.isArray(list) || list.length === 0) throw new RowRefused('conversations: expected a list of turns');
  const reader = new ShareGptReader();
  const messages = list.map((turn: unknown, index) => reader.read(turn, `conversations[${index}]`));
  const opening = row['system'];
  if (typeof opening === 'string' && opening !== '') messages.unshift({ role: 'system', content: opening });
  return { messages, tools: toolList(row['tools']) };
}

export interface ShareGptTurn {
  from: string;
  value: string;
  weight?: number;
}

export function writeTurn(turn: ChatTurn): ShareGptTurn[] {
  const value = turn.content ? turnText({ ...turn, tool_calls: undefined } as ChatTurn) : '';
  if (turn.role === 'tool') return [{ from: 'observation', value }];
  if (turn.role === 'user') return [{ from: 'human', value }];
  if (turn.role !== 'assistant') return [{ from: 'system', value }];
  if (hasCalls(turn) && weightOf(turn) === 0) throw new RowRefused('a call of a tool with weight 0 has no place in ShareGPT');
  const calls = (turn.tool_calls ?? []).map(({ function: call }) => ({
    name: call.name,
    arguments: parseJson(call.arguments) ?? call.arguments,
  }));
  return [
    ...(value !== '' || calls.length === 0 ? [{ from: 'gpt', value, ...(turn.weight !== undefined && { weight: turn.weight }) }] : []),
    ...(calls.length > 0 ? [{ from: 'function_call', value: JSON.stringify(calls.length === 1 ? calls[0] : calls) }] : []),
  ];
}
