/** The first rows of a file, as far as a look at it goes. */
import type { DataDetection } from '#contract/datasets.ts';
import { call, request } from '../api/call.ts';

export interface PreviewRow {
  /** From 1. */
  line: number;
  messages: { role: string; text: string }[];
  /** Why the line is no row; then there are no messages. */
  problem: string | null;
}

export interface Preview {
  rows: PreviewRow[];
  /** Whether the file goes on after these. */
  hasMore: boolean;
}

/** How much of a file is read for a look at it. */
const mostBytes = 64 * 1024;
const mostRows = 5;

/** Lines are shown as they are; what is packed otherwise the platform unpacks. */
export function previewOfFile(id: string, name: string, signal: AbortSignal): Promise<Preview> {
  return /\.(csv|tsv|parquet|json|gz|zst)$/i.test(name) ? previewOfPacked(id, signal) : previewOfLines(id, signal);
}

async function previewOfPacked(id: string, signal: AbortSignal): Promise<Preview> {
  const { preview, looked_at: seen } = await call<DataDetection>('/api/v1/datasets/detect', { body: { file_id: id }, signal });
  const rows = preview
    .slice(0, mostRows)
    .map((row, index) => ({ line: index + 1, messages: messagesOf(row as Record<string, unknown>), problem: null }));
  return { rows, hasMore: seen > rows.length };
}

/** Reads the beginning of a file of the platform and lets the rest be. */
async function previewOfLines(id: string, signal: AbortSignal): Promise<Preview> {
  const gone = new AbortController();
  const response = await request(`/v1/files/${encodeURIComponent(id)}/content`, { signal: AbortSignal.any([signal, gone.signal]) });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let isOver = false;
  while (!isOver && text.length < mostBytes) {
    const { done, value } = await reader.read();
    isOver = done;
    text += decoder.decode(value, { stream: !done });
  }
  gone.abort();
  return previewOf(text, !isOver);
}

/** `isCut`: the text ends somewhere in the file, so its last line may be half of one. */
export function previewOf(text: string, isCut: boolean): Preview {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  if (isCut && lines.length > 1) lines.pop();
  const numbered = lines.map((content, index) => ({ content: content.trim(), line: index + 1 })).filter(({ content }) => content !== '');
  return { rows: numbered.slice(0, mostRows).map(readRow), hasMore: isCut || numbered.length > mostRows };
}

const readRow = ({ content, line }: { content: string; line: number }): PreviewRow => rowOfValue(line, parsed(content));

/** A row as its JSON value; null is none, or one that is too long to be shown. */
export function rowOfValue(line: number, value: unknown): PreviewRow {
  if (typeof value !== 'object' || value === null)
    return { line, messages: [], problem: 'this line is no JSON object, or a very long one' };
  return { line, messages: messagesOf(value as Record<string, unknown>), problem: null };
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content) as unknown;
  } catch {
    return null;
  }
}

/** A chat; of any other row its fields, since the platform takes more formats than one and says itself which it does not. */
function messagesOf(row: Record<string, unknown>): PreviewRow['messages'] {
  const { messages: chat } = row;
  if (!Array.isArray(chat)) return Object.entries(row).map(([name, value]) => ({ role: name, text: textOf(value) }));
  return chat.map((message: unknown) => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown };
    return { role: typeof role === 'string' ? role : '?', text: textOf(content) };
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
