/** FLAN's tasks: `inputs` and `targets`. */
import { FlanRow } from '#contract/row-formats.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { has, parseRow } from './parse-row.ts';
import { assistant, plainExchanges, user } from './turns.ts';

export const flan: RowFormat = {
  kind: 'chat',
  looksLike: (row) => (has(row, 'inputs', 'targets') ? 'it has "inputs" and "targets"' : null),
  read(row) {
    const { inputs, targets } = parseRow(FlanRow, row);
    return [{ kind: 'chat', messages: [user(inputs), assistant(targets)], more: columnsOf(row, ['inputs', 'targets']) }];
  },
  write(row) {
    const plain = row.kind === 'chat' && !row.tools ? plainExchanges(row.messages) : null;
    if (!plain || plain.system !== null || plain.exchanges.length > 1)
      throw new RowRefused('FLAN has one question with its answer: no system message, no tools, no second exchange');
    const [inputs, targets] = plain.exchanges[0]!;
    return { inputs, targets, ...row.more };
  },
};
