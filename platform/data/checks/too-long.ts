/** Rows longer than the model reads: they are refused, or would be learnt without their end. */
import { rowTexts } from '../row-text.ts';
import { rowByRow, rowsOf } from './check.ts';

/** English text; only used when no model is named whose tokenizer could count. */
const charactersPerToken = 4;

export const tooLong = rowByRow({
  kind: 'too_long',
  severity: 'error',
  drop: 'leaves the rows that fit',
  isOpen: (context) => context.maxTokens !== null,
  message: (count) => `${rowsOf(count)} longer than the model reads`,
  judge(row, context, number) {
    if (row.kind === 'invalid') return null;
    const measured = context.measure(row, number);
    if (measured)
      return measured.refused === null && measured.total > context.maxTokens!
        ? `${measured.total} tokens, and ${context.maxTokens} fit`
        : null;
    let characters = 0;
    for (const { text } of rowTexts(row)) characters += text.length;
    const estimate = Math.ceil(characters / charactersPerToken);
    return estimate > context.maxTokens! ? `about ${estimate} tokens, and ${context.maxTokens} fit` : null;
  },
});
