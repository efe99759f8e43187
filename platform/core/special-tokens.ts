/** The special tokens that a tokenizer's settings name. */

/** `bos_token`, `eos_token` and their like, as templates and tokenizers name them; written there as a text or as `{"content": …}`. */
export function specialTokens(config: Record<string, unknown>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const text = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
    if (name.endsWith('_token') && typeof text === 'string') tokens[name] = text;
  }
  return tokens;
}
