/** Control tokens of a model written out in a text: the tokenizer takes them for the end of a turn, or the beginning of one. */
import { rowTexts } from '../row-text.ts';
import { rowByRow, rowsOf, type CheckContext } from './check.ts';
import { mapTexts } from './map-texts.ts';

/** Of the model families in use, whichever is trained here. */
const known =
  /<\|(?:im_start|im_end|endoftext|eot_id|begin_of_text|end_of_text|start_header_id|end_header_id|system|user|assistant|end)\|>|<\/?s>|\[\/?INST\]|<<\/?SYS>>|<(?:start|end)_of_turn>/gu;

export const controlTokens = rowByRow({
  kind: 'control_tokens',
  severity: 'warning',
  drop: 'leaves the rows without them',
  repairs: {
    repair: { description: 'takes them out of the text', apply: (row) => mapTexts(row, (text) => text.replace(known, '').trim()) },
  },
  message: (count) => `${rowsOf(count)} with control tokens of a model in their text`,
  judge(row, context) {
    for (const { text } of rowTexts(row)) {
      const token = text.match(known)?.[0] ?? ofModel(text, context);
      if (token) return token;
    }
    return null;
  },
});

function ofModel(text: string, { specialWords }: CheckContext): string | undefined {
  if (!text.includes('<') && !text.includes('[')) return undefined;
  return [...specialWords].find((word) => text.includes(word));
}
