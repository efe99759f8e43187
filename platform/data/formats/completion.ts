/** Plain text to go on with: `text`. */
import { TextRow } from '#contract/dataset.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has, parseRow } from './parse-row.ts';

export const completion: RowFormat = {
  kind: 'text',
  looksLike: (row) => (has(row, 'text') && !has(row, 'messages') && !has(row, 'label') ? 'it has "text"' : null),
  read(row) {
    const { text } = parseRow(TextRow, row);
    return [{ kind: 'text', text, more: columnsOf(row, ['text']) }];
  },
  write(row) {
    if (row.kind !== 'text') throw new RowRefused('not a plain text');
    return { text: row.text, ...row.more };
  },
};
