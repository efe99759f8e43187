/** The prompts that parity is measured on: rows that the version was validated with or trained on, and some of no domain. */
import { createReadStream } from 'node:fs';
import { PlatformError } from '#platform/core/errors.ts';
import { readLines } from '#platform/core/json-lines.ts';
import type { Files } from '#platform/data/files.ts';
import { trainingDataPath } from '#platform/data/training-data.ts';

export interface ParityMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}
export type ParityPrompt = ParityMessage[];

export const parityPromptCount = 50;
/** Of these at most so many are rows. */
const mostRows = 40;
/** Rows are drawn from the first so many of a file. */
const mostRead = 2000;
const longestLineBytes = 1 << 20;
/** In characters: a prompt is read twice, and fifty of them are to cost seconds. */
const longestPrompt = 1200;

/** Asked of every version: whoever is tuned still answers these as the trained model does. */
const generic = [
  'What is the capital of France?',
  'Write one sentence about the sea.',
  'Count from one to five.',
  'What is 17 plus 25?',
  'Translate "good morning" into Spanish.',
  'Name three primary colours.',
  'Who are you?',
  'Explain in one sentence why the sky is blue.',
  'Give me a synonym for "quick".',
  'Is water wet? Answer yes or no.',
  'Write a function in Python that returns the larger of two numbers.',
  'What comes after Wednesday?',
  'Say hello to Maria.',
  'List two things to pack for a rainy day.',
  'What is the opposite of "cold"?',
  'Finish the sentence: Once upon a time',
  'How many legs does a spider have?',
  'Répondez en français : quel jour sommes-nous ?',
  'Summarise: The cat sat on the mat and slept all day.',
  '{"task": "echo", "text": "½ café 😀"}',
].map((content): ParityPrompt => [{ role: 'user', content }]);

/** At most 50, the same ones for the same files. A file that was deleted since leaves the others. */
export async function parityPrompts(
  files: Files,
  projectId: string,
  run: { training_file: string; validation_file: string | null },
): Promise<ParityPrompt[]> {
  const rows: ParityPrompt[] = [];
  for (const id of [run.validation_file, run.training_file]) {
    if (id !== null && rows.length < mostRows) rows.push(...drawEvenly(await promptsOf(files, projectId, id), mostRows - rows.length));
  }
  return [...rows, ...generic].slice(0, parityPromptCount);
}

async function promptsOf(files: Files, projectId: string, id: string): Promise<ParityPrompt[]> {
  const path = await trainingDataPath(files, projectId, id).catch((error: unknown) => {
    if (error instanceof PlatformError && error.status === 404) return null;
    throw error;
  });
  const prompts: ParityPrompt[] = [];
  if (path === null) return prompts;
  for await (const { number, bytes } of readLines(createReadStream(path), longestLineBytes)) {
    const prompt = bytes === null ? null : promptOf(bytes.toString('utf8'));
    if (prompt) prompts.push(prompt);
    if (number === mostRead) break;
  }
  return prompts;
}

/** What stands before the last answer of a row; null for rows with tools or parts, which a plain prompt cannot stand for. */
function promptOf(line: string): ParityPrompt | null {
  const row = parsed(line) as { messages?: { role?: unknown; content?: unknown }[]; tools?: unknown } | null;
  if (!Array.isArray(row?.messages) || row.tools) return null;
  const end = row.messages.findLastIndex(({ role }) => role === 'assistant');
  const messages = row.messages.slice(0, end).map(({ role, content }) => ({ role, content }));
  const isPlain = messages.every(
    ({ role, content }) => ['system', 'user', 'assistant'].includes(String(role)) && typeof content === 'string',
  );
  if (messages.length === 0 || !isPlain) return null;
  const prompt = messages as ParityPrompt;
  return prompt.reduce((sum, { content }) => sum + content.length, 0) <= longestPrompt ? prompt : null;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line.replace(/^\uFEFF/, '')) as unknown;
  } catch {
    return null;
  }
}

/** First and last included. */
function drawEvenly<Item>(items: Item[], most: number): Item[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, index) => items[Math.round((index * (items.length - 1)) / (most - 1))]!);
}
