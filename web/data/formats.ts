/** Formats, kinds and containers of rows, in words. */
import type { DataContainer, DataFormat, RowKind } from '#contract/row-formats.ts';

export const formatWords: Record<DataFormat, string> = {
  messages: "OpenAI's chats",
  instruction: 'Alpaca: instruction, input, output',
  sharegpt: 'ShareGPT: conversations',
  openassistant: 'OpenAssistant: trees',
  flan: 'FLAN: inputs, targets',
  prompt_completion: 'prompt and completion',
  completion: 'plain text',
  preference_openai: "OpenAI's preferences",
  preference_sharegpt: "ShareGPT's preferences",
  preference: 'prompt, chosen, rejected',
  unpaired: 'prompt, completion, label',
  prompts: 'prompts alone',
};

export const kindWords: Record<RowKind, string> = {
  chat: 'chats',
  text: 'plain texts',
  preference: 'preferences',
  unpaired: 'answers with a label',
  prompt: 'prompts alone',
};

export const containerWords: Record<DataContainer, string> = { jsonl: 'JSONL', json: 'JSON', csv: 'CSV', parquet: 'Parquet' };

/** What a column may be called so that a format knows it. */
export const columnNames = [
  'prompt',
  'completion',
  'messages',
  'instruction',
  'input',
  'output',
  'system',
  'text',
  'chosen',
  'rejected',
  'label',
  'conversations',
];
