/** A row as the loss sees it: the text that the chat template makes of it, token by token, masked or trained. */
import type { ChatRow, TextRow } from '#contract/dataset.ts';
import type { RowXray } from '#contract/datasets.ts';
import type { CheckModel } from './check-quality.ts';
import { rowValue, type DataRow } from './data-row.ts';
import { RowRefused } from './row-refused.ts';
import type { RowTokenizer, TokenizedRow } from './row-tokens.ts';

/** `maxTokens` is where rows end. A row that cannot be trained on has a `problem`, and tokens as far as there are any. */
export function xrayRow(row: DataRow, number: number, model: CheckModel, maxTokens: number): RowXray {
  const seen = {
    object: 'dataset.row_xray' as const,
    row: number,
    model: model.id,
    value: rowValue(row),
    max_tokens: maxTokens,
    version: null,
    base_loss: null,
    loss: null,
  };
  const nothing = (problem: string): RowXray => ({ ...seen, text: '', total: 0, trained: 0, problem, tokens: [] });
  if (row.kind === 'invalid') return nothing(row.reason);
  if (row.kind !== 'chat' && row.kind !== 'text') return nothing(`a row of the kind ${row.kind} is not written by a chat template alone`);
  try {
    const tokenized = model.tokenizer.tokenize(rowValue(row) as ChatRow | TextRow);
    const trained = tokenized.trained.filter(Boolean).length;
    const total = tokenized.ids.length;
    const problem =
      total > maxTokens ? `${total} tokens long, and the limit is ${maxTokens}` : trained === 0 ? 'no token carries loss' : null;
    return { ...seen, text: tokenized.text, total, trained, problem, tokens: tokensOf(tokenized, model.tokenizer, maxTokens) };
  } catch (error) {
    if (error instanceof RowRefused) return nothing(error.message);
    throw error;
  }
}

/** Losses are filled in by whoever asks a model. */
const unscored = { base_loss: null, loss: null, likeliest: null };

/** A character that several tokens make up together is shown at the last of them. */
function tokensOf({ ids, trained }: TokenizedRow, { decode, isSpecial }: RowTokenizer, maxTokens: number): RowXray['tokens'] {
  let open: number[] = [];
  return ids.map((id, at) => {
    open.push(id);
    const text = decode(open);
    const isWhole = !text.endsWith('\uFFFD') || open.length === 4 || at === ids.length - 1;
    if (isWhole) open = [];
    return { id, text: isWhole ? text : '', trained: trained[at]!, special: isSpecial(id), truncated: at >= maxTokens, ...unscored };
  });
}
