/** How many tokens a row has and how many of them carry loss, by the tokenizer and chat template of a model; as worker/examples.py does it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import type { ChatRow, TextRow } from '#contract/dataset.ts';
import { textOf } from '#contract/openai/chat-messages.ts';
import { instructionTemplate } from '#platform/core/instruction-template.ts';
import { specialTokens } from '#platform/core/special-tokens.ts';
import type { RowTokens } from './check-rows.ts';
import { RowRefused } from './row-refused.ts';

/** Counts the tokens of one row. Throws `RowRefused` for messages that the template refuses. */
export type CountRowTokens = (row: ChatRow | TextRow) => RowTokens;

/** A row as the loss sees it; both lists have one entry a token. */
export interface TokenizedRow {
  text: string;
  ids: number[];
  /** Whether the token carries loss. The first of all never does: none stands before it that could predict it. */
  trained: boolean[];
}

export interface RowTokenizer {
  /** Throws `RowRefused`. */
  tokenize: (row: ChatRow | TextRow) => TokenizedRow;
  decode: (ids: number[]) => string;
  isSpecial: (id: number) => boolean;
  /** Control tokens as text. */
  specialWords: ReadonlySet<string>;
}

/** What one assistant turn is in the text of a row: [start, end) in UTF-16 units. */
interface Span {
  start: number;
  end: number;
}

/**
 * `modelDir` holds tokenizer.json, tokenizer_config.json and perhaps a chat template; `template` is the source of another to write rows
 * with. Without either rows are written as `### Instruction:` … `### Response:`.
 */
export async function openRowTokenizer(modelDir: string, template?: string): Promise<RowTokenizer> {
  const tokenizerJson = JSON.parse(await readFile(join(modelDir, 'tokenizer.json'), 'utf8')) as TokenizerJson;
  const config = JSON.parse(await readFile(join(modelDir, 'tokenizer_config.json'), 'utf8')) as Record<string, unknown>;
  const parsed = new Template(template ?? (await ownChatTemplate(modelDir)) ?? instructionTemplate);
  const tokenizer = new Tokenizer(tokenizerJson, config);
  const words = specialTokens(config);
  const ids = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  const ends = endTokens(tokenizer, tokenizerJson, words);
  const decode = (list: number[]): string => tokenizer.decode(list, { skip_special_tokens: false });
  const render = (messages: object[], tools: unknown, add_generation_prompt: boolean): string => {
    try {
      return parsed.render({ ...words, messages, tools: tools ?? null, add_generation_prompt });
    } catch (error) {
      throw new RowRefused(`the chat template of the model refuses the messages: ${(error as Error).message}`);
    }
  };
  const ofText = (text: string): TokenizedRow => {
    const end = words['eos_token'] === undefined ? undefined : tokenizer.token_to_id(words['eos_token']);
    const list: number[] = tokenizer.encode(text).ids;
    if (end !== undefined && list.at(-1) !== end) list.push(end);
    return { text, ids: list, trained: list.map((_, at) => at > 0) };
  };
  return {
    tokenize: (row) => (isText(row) ? ofText(row.text) : ofChat(renderSpans(row, render), ids, decode, ends)),
    decode,
    isSpecial: (id) => ends.has(id),
    specialWords: new Set([...ends].map((id) => decode([id])).filter((word) => word.length > 2)),
  };
}

const isText = (row: ChatRow | TextRow): row is TextRow => !('messages' in row);

export function rowTokenCounter({ tokenize: of }: RowTokenizer): CountRowTokens {
  return (row) => {
    const { ids, trained } = of(row);
    return { total: ids.length, trained: trained.reduce((sum, isTrained) => sum + Number(isTrained), 0) };
  };
}

function ofChat(
  { text, spans }: { text: string; spans: Span[] },
  ids: (text: string) => number[],
  decode: (tokens: number[]) => string,
  ends: Set<number>,
): TokenizedRow {
  const { tokens, turns } = tokenize(text, spans, ids, decode);
  const trained = tokens.map(() => false);
  for (const [start, end] of turns) {
    const last = tokens.findLastIndex((token, at) => at >= start && at < end && ends.has(token));
    if (start < end && last === -1) {
      throw new RowRefused(
        'the chat template of the model puts no end-of-turn token after an assistant message, so the model would never learn to stop',
      );
    }
    trained.fill(true, Math.max(start, 1), Math.max(last + 1, start, 1));
  }
  return { text, ids: tokens, trained };
}

interface TokenizerJson {
  added_tokens?: { id: number; special?: boolean }[];
}

/** The template that rows are written with in place of the model's own: asked for, or because it has none. Null is its own. */
export async function templateInstead(modelDir: string, choice: 'model' | 'instruction'): Promise<string | null> {
  return choice === 'instruction' || (await ownChatTemplate(modelDir)) === null ? instructionTemplate : null;
}

/** The source of the model's own chat template, in a file or among the tokenizer's settings, where it may be one of several by name. */
async function ownChatTemplate(modelDir: string): Promise<string | null> {
  const file = join(modelDir, 'chat_template.jinja');
  if (existsSync(file)) return readFile(file, 'utf8');
  const { chat_template: written } = JSON.parse(await readFile(join(modelDir, 'tokenizer_config.json'), 'utf8')) as {
    chat_template?: unknown;
  };
  if (typeof written === 'string') return written;
  if (!Array.isArray(written)) return null;
  const named = written as { name?: string; template?: string }[];
  return (named.find((one) => one.name === 'default') ?? named[0])?.template ?? null;
}

/** What may end a turn: the named special tokens, and all that the vocabulary marks as special. */
function endTokens(tokenizer: Tokenizer, json: TokenizerJson, words: Record<string, string>): Set<number> {
  const named = Object.values(words).flatMap((word) => tokenizer.token_to_id(word) ?? []);
  const marked = (json.added_tokens ?? []).filter((token) => token.special).map((token) => token.id);
  return new Set([...named, ...marked]);
}

/** The row as text, and what of it the assistant says: what the template adds after its own generation prompt. */
function renderSpans(
  row: ChatRow,
  render: (messages: object[], tools: unknown, prompt: boolean) => string,
): { text: string; spans: Span[] } {
  const messages = row.messages.map((message) => ({
    ...message,
    content: message.content ? textOf(message.content) : (message.content ?? null),
  }));
  const text = render(messages, row.tools, false);
  const spans: Span[] = [];
  row.messages.forEach((message, index) => {
    if (message.role !== 'assistant' || message.weight === 0) return;
    const prompt = render(messages.slice(0, index), row.tools, true);
    const said = render(messages.slice(0, index + 1), row.tools, false);
    if (!said.startsWith(prompt) || !text.startsWith(said)) {
      throw new RowRefused(
        `message ${index + 1} (assistant): the chat template of the model renders what comes before it differently once it is there, ` +
          'so what the assistant says cannot be told from its prompt',
      );
    }
    spans.push({ start: prompt.length, end: said.length });
  });
  return { text, spans };
}

interface Tokenized {
  tokens: number[];
  /** [start, end) of each turn, in tokens. */
  turns: [number, number][];
}

/** The whole at once, where the turns begin at a token; otherwise in pieces, since a model is asked with the prompt's tokens alone. */
function tokenize(text: string, spans: Span[], ids: (text: string) => number[], decode: (tokens: number[]) => string): Tokenized {
  const whole = ids(text);
  const prompts = spans.map(({ start }) => ids(text.slice(0, start)));
  if (prompts.every((prompt) => commonPrefix(whole, prompt) === prompt.length)) {
    const turns = spans.map(({ end }, index): [number, number] => [prompts[index]!.length, commonPrefix(whole, ids(text.slice(0, end)))]);
    return { tokens: whole, turns };
  }
  const tokens = ids(text.slice(0, spans[0]!.start));
  const turns = spans.map(({ start, end }, index): [number, number] => {
    const piece = ids(text.slice(start, spans[index + 1]?.start ?? text.length));
    const from = tokens.length;
    tokens.push(...piece);
    return [from, from + commonPrefix(piece, ids(text.slice(start, end)))];
  });
  if (decode(tokens) !== decode(whole))
    throw new RowRefused('a token of the model lies half in the prompt and half in what the assistant says');
  return { tokens, turns };
}

function commonPrefix(left: number[], right: number[]): number {
  const differ = left.findIndex((token, index) => token !== right[index]);
  return differ === -1 ? Math.min(left.length, right.length) : differ;
}
