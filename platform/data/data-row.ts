/** A row of a dataset in the one form that versions keep, whatever format it came in; and its line of canonical JSON. */
import type { ChatTurn } from '#contract/dataset.ts';
import type { RowKind } from '#contract/row-formats.ts';

/** What a row carries besides: columns that no format knows. */
export type Columns = Record<string, unknown>;

interface Base {
  tools?: unknown[] | undefined;
  more: Columns;
}

export interface ChatData extends Base {
  kind: 'chat';
  messages: ChatTurn[];
}
export interface TextData extends Base {
  kind: 'text';
  text: string;
}
export interface PreferenceData extends Base {
  kind: 'preference';
  prompt: ChatTurn[];
  preferred: ChatTurn[];
  rejected: ChatTurn[];
}
export interface UnpairedData extends Base {
  kind: 'unpaired';
  prompt: ChatTurn[];
  completion: ChatTurn[];
  /** Whether the completion is a good one. */
  label: boolean;
}
export interface PromptData extends Base {
  kind: 'prompt';
  prompt: ChatTurn[];
}
/** A row that its format could not read: kept, so that nothing is lost unseen, and never trained on. */
export interface InvalidData {
  kind: 'invalid';
  /** As it came, cut where it is very long. */
  raw: string;
  reason: string;
}

export type ValidRow = ChatData | TextData | PreferenceData | UnpairedData | PromptData;
export type DataRow = ValidRow | InvalidData;

/** Keys that the canonical forms use themselves: a column of this name is kept as `x_<name>`. */
const taken = new Set([
  'messages',
  'tools',
  'text',
  'input',
  'preferred_output',
  'non_preferred_output',
  'prompt',
  'completion',
  'label',
  'invalid',
]);

/** The canonical JSON value: OpenAI's form where it has one, TRL's for the rest. Keys stand in one order, so that same rows are same bytes. */
export function rowValue(row: DataRow): Record<string, unknown> {
  if (row.kind === 'invalid') return { invalid: { reason: row.reason, raw: row.raw } };
  const tools = row.tools?.length ? { tools: row.tools } : {};
  return { ...ownFields(row, tools), ...sortedColumns(row.more) };
}

function ownFields(row: ValidRow, tools: object): Record<string, unknown> {
  switch (row.kind) {
    case 'chat':
      return { messages: row.messages.map(orderedTurn), ...tools };
    case 'text':
      return { text: row.text };
    case 'preference':
      return {
        input: { messages: row.prompt.map(orderedTurn), ...tools },
        preferred_output: row.preferred.map(orderedTurn),
        non_preferred_output: row.rejected.map(orderedTurn),
      };
    case 'unpaired':
      return { prompt: row.prompt.map(orderedTurn), completion: row.completion.map(orderedTurn), label: row.label, ...tools };
    case 'prompt':
      return { prompt: row.prompt.map(orderedTurn), ...tools };
  }
}

/** What canonical values hold, all at once: which of it depends on the kind. */
interface Fields {
  messages: ChatTurn[];
  input: { messages: ChatTurn[]; tools?: unknown[] };
  preferred_output: ChatTurn[];
  non_preferred_output: ChatTurn[];
  prompt: ChatTurn[];
  completion: ChatTurn[];
  label: boolean;
  text: string;
  tools?: unknown[];
  invalid: { reason: string; raw: string };
}

/** The row that a canonical value stands for. Values come from `rowValue` only, so they are not checked again. */
export function rowOf(value: Record<string, unknown>): DataRow {
  const fields = value as unknown as Fields;
  if ('invalid' in value) return { kind: 'invalid', ...fields.invalid };
  const { tools, messages, input, preferred_output: preferred, non_preferred_output: rejected, ...rest } = fields;
  if (messages) return { kind: 'chat', messages, tools, more: rest as object as Columns };
  if (preferred)
    return { kind: 'preference', prompt: input.messages, tools: input.tools, preferred, rejected, more: rest as object as Columns };
  const { prompt, completion, label, text, ...more } = rest as Fields & Columns;
  if (completion) return { kind: 'unpaired', prompt, completion, label, tools, more };
  return prompt ? { kind: 'prompt', prompt, tools, more } : { kind: 'text', text, more };
}

export const rowLine = (row: DataRow): string => JSON.stringify(rowValue(row));
export const readRowLine = (line: string): DataRow => rowOf(JSON.parse(line) as Record<string, unknown>);

/** Kinds as people say them. */
export const kindNames: Record<RowKind, string> = {
  chat: 'chats',
  text: 'plain texts',
  preference: 'preferences',
  unpaired: 'answers with a label',
  prompt: 'prompts alone',
};

/** All that a format did not read, under names that do not collide with the canonical ones. */
export function columnsOf(row: Record<string, unknown>, read: readonly string[]): Columns {
  const more: Columns = {};
  for (const [name, value] of Object.entries(row)) {
    if (read.includes(name) || value === undefined || value === null) continue;
    more[taken.has(name) ? `x_${name}` : name] = value;
  }
  return more;
}

function sortedColumns(more: Columns): Columns {
  const names = Object.keys(more);
  if (names.length === 0) return more;
  return Object.fromEntries(names.toSorted().map((name) => [name, more[name]]));
}

const turnKeys = ['role', 'content', 'name', 'tool_calls', 'tool_call_id', 'weight', 'input'];

function orderedTurn(turn: ChatTurn): Record<string, unknown> {
  const ordered: Record<string, unknown> = {};
  const given = turn as Record<string, unknown>;
  for (const key of turnKeys) if (given[key] !== undefined) ordered[key] = given[key];
  for (const key of Object.keys(given).toSorted()) if (given[key] !== undefined && !(key in ordered)) ordered[key] = given[key];
  return ordered;
}
