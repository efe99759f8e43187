/** Row tokenizers that stay open: opening one reads a vocabulary, which takes longer than checking a small file with it. */
import { openRowTokenizer, type RowTokenizer } from './row-tokens.ts';

/** A vocabulary takes some tens of megabytes. */
const mostOpen = 3;
/** In the order of their last use. */
const opened = new Map<string, Promise<RowTokenizer>>();

/** As `openRowTokenizer` opens it; the few used last are kept. */
export async function sharedRowTokenizer(modelDir: string, template?: string): Promise<RowTokenizer> {
  const key = JSON.stringify([modelDir, template ?? null]);
  const tokenizer = opened.get(key) ?? openRowTokenizer(modelDir, template);
  opened.delete(key);
  opened.set(key, tokenizer);
  tokenizer.catch(() => opened.delete(key));
  if (opened.size > mostOpen) opened.delete([...opened.keys()][0]!);
  return tokenizer;
}
