/** Checks every row of a training file before anything is started, and says of each that is wrong why. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { rowProblem, type ChatRow, type TextRow } from '#contract/dataset.ts';
import { rowKindsOf } from '#contract/method.ts';
import type { RowKind } from '#contract/row-formats.ts';
import type { RowProblem } from '#contract/worker.ts';
import { readLines, type Line } from '#platform/core/json-lines.ts';
import { askedChat } from './asked-chat.ts';
import { comparedChats } from './compared-chats.ts';
import { orderProblem } from './row-order.ts';
import { RowRefused } from './row-refused.ts';

export interface RowTokens {
  total: number;
  /** Those that carry loss: what the assistant says. */
  trained: number;
}

type CountTokens = (row: ChatRow | TextRow) => RowTokens;

export interface CheckRowsOptions {
  /** Longest row in tokens. */
  contextLength: number;
  /** Left out, rows are checked for all but their tokens. It throws `RowRefused` for a row that its template refuses. */
  countTokens?: CountTokens | undefined;
  /** What the method learns from; chats and texts when left out. */
  kinds?: readonly RowKind[] | undefined;
  /** What else may be wrong with a row; null for nothing. */
  refuse?: ((row: unknown) => string | null) | undefined;
}

export interface CheckedRows {
  /** Rows that are there, right or wrong; blank lines are none. */
  rows: number;
  /** The first 1,000 rows that are wrong, in order. */
  problems: RowProblem[];
  problemCount: number;
  /** Over all rows; null when tokens were not counted. */
  trainedTokens: number | null;
  longestRowTokens: number | null;
}

const mostProblems = 1000;
/** No context holds more; what is longer is skipped, not held. */
const mostLineBytes = 8 * 2 ** 20;
/** Counting tokens is work for the processor: others get their turn in between. */
const turnMs = 20;

/** `body` is the file as it was uploaded. A row's number is that of its line. */
export async function checkRows(body: AsyncIterable<Uint8Array>, options: CheckRowsOptions): Promise<CheckedRows> {
  const counted = options.countTokens !== undefined;
  const checked: CheckedRows = {
    rows: 0,
    problems: [],
    problemCount: 0,
    trainedTokens: counted ? 0 : null,
    longestRowTokens: counted ? 0 : null,
  };
  const report = (row: number, reason: string): void => {
    checked.problemCount++;
    if (checked.problems.length < mostProblems) checked.problems.push({ row, reason });
  };
  let turnEndsMs = performance.now() + turnMs;
  for await (const line of readLines(body, mostLineBytes)) {
    if (isBlank(line)) continue;
    checked.rows++;
    try {
      const tokens = checkRow(line, options);
      if (tokens) {
        checked.trainedTokens! += tokens.trained;
        checked.longestRowTokens = Math.max(checked.longestRowTokens!, tokens.total);
      }
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      report(line.number, error.message);
    }
    if (performance.now() < turnEndsMs) continue;
    await yieldToOthers();
    turnEndsMs = performance.now() + turnMs;
  }
  if (checked.rows === 0)
    report(
      1,
      `the file has no rows: each line is one JSON object${options.kinds === undefined || options.kinds.includes('chat') ? ' with "messages"' : ''}`,
    );
  return checked;
}

/** One message for people: what is wrong with each row, the first 20 by name. */
export function describeProblems(filename: string, checked: CheckedRows): string {
  const shown = checked.problems.slice(0, 20).map(({ row, reason }) => `row ${row}: ${reason}`);
  const rest = checked.problemCount - shown.length;
  const count = checked.problemCount === 1 ? '1 row' : `${checked.problemCount} rows`;
  return `${filename}: ${count} of ${Math.max(checked.rows, 1)} cannot be trained on; nothing was started.\n${shown.join('\n')}${rest > 0 ? `\n… and ${rest} more` : ''}`;
}

/** Null when tokens are not counted. Throws `RowRefused`. */
function checkRow(line: Line, { contextLength, countTokens, kinds = rowKindsOf.supervised, refuse }: CheckRowsOptions): RowTokens | null {
  if (line.bytes === null) throw new RowRefused(`longer than ${mostLineBytes / 2 ** 20} MiB`);
  const row = parseLine(textOf(line));
  const tokens = tokensOf(row, kinds, countTokens);
  const problem = refuse?.(row) ?? null;
  if (problem !== null) throw new RowRefused(problem);
  if (tokens && tokens.total > contextLength) throw new RowRefused(`${tokens.total} tokens long, and the limit is ${contextLength}`);
  if (tokens?.trained === 0) throw new RowRefused('no token carries loss: what the assistant says renders to nothing');
  return tokens;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The longest of what a row holds, and all that is learnt of it. Throws `RowRefused`. */
function tokensOf(row: unknown, kinds: readonly RowKind[], countTokens: CountTokens | undefined): RowTokens | null {
  if (isText(row) && kinds.includes('chat') && !kinds.includes('text')) throw new RowRefused('plain text: this method takes chats');
  const onlyAsks = kinds[0] === 'prompt' || (kinds.includes('prompt') && asks(row));
  const chats = onlyAsks ? [askedChat(row)] : kinds.includes('chat') ? [learntRow(row)] : comparedChats(row, kinds);
  if (!countTokens) return null;
  const counts = chats.map(countTokens);
  return { total: Math.max(...counts.map(({ total }) => total)), trained: counts.reduce((sum, { trained }) => sum + trained, 0) };
}

/** A question without its answer. */
function asks(row: unknown): boolean {
  if (typeof row !== 'object' || row === null) return false;
  const { prompt, messages } = row as { prompt?: unknown; messages?: unknown };
  const last: unknown = Array.isArray(prompt ?? messages) ? ((prompt ?? messages) as unknown[]).at(-1) : undefined;
  return typeof last === 'object' && last !== null && ['user', 'tool'].includes(String((last as { role?: unknown }).role));
}

/** Throws `RowRefused`. */
function learntRow(row: unknown): ChatRow | TextRow {
  const problem = isText(row) ? textProblem(row) : (otherFormat(row) ?? rowProblem(row) ?? orderProblem(row as ChatRow));
  if (problem !== null) throw new RowRefused(problem);
  return row as ChatRow | TextRow;
}

function textOf({ number, bytes }: Line): string {
  const [first, second] = bytes!;
  if (number === 1 && ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))) {
    throw new RowRefused('the file is UTF-16: save it as UTF-8');
  }
  try {
    const text = decoder.decode(bytes!);
    return number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
  } catch {
    throw new RowRefused('not UTF-8 text');
  }
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RowRefused(`broken JSON: ${(error as Error).message}`);
  }
}

/** Plain text to go on with. */
function isText(row: unknown): row is { text: unknown } {
  return typeof row === 'object' && row !== null && 'text' in row && !('messages' in row);
}

function textProblem({ text }: { text: unknown }): string | null {
  if (typeof text !== 'string') return 'text: expected a text';
  return text.trim() === '' ? 'text: is empty' : null;
}

/** A row of another common format, told by its keys: what is expected instead; and one that was refused when the file was read. */
function otherFormat(row: unknown): string | null {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return 'not a JSON object with "messages"';
  if ('messages' in row) return null;
  if ('invalid' in row) return (row.invalid as { reason: string }).reason;
  const pair = [
    ['prompt', 'completion'],
    ['instruction', 'output'],
    ['input', 'output'],
    ['question', 'answer'],
  ].find((keys) => keys.every((key) => key in row));
  if (!pair) return null;
  const [asked, said] = pair;
  return `"${asked}" and "${said}" are not read; write {"messages": [{"role": "user", "content": "<${asked}>"}, {"role": "assistant", "content": "<${said}>"}]}`;
}

/** Also the mark at the start of a file that holds nothing else. */
function isBlank({ bytes }: Line): boolean {
  return (
    bytes !== null &&
    bytes.length < 1024 &&
    bytes
      .toString('latin1')
      .replace(/^\xEF\xBB\xBF/, '')
      .trim() === ''
  );
}
