/** Rows that are nearly the same: the same text with a word or two changed. */
import { plainWords, rowParts, turnText } from '../row-text.ts';
import { rowsOf, type Check } from './check.ts';
import { MinHashIndex } from './minhash.ts';

/** Shorter texts have too few word triples to be told apart by them. */
const leastWords = 8;

export const nearDuplicates: Check = {
  kind: 'near_duplicates',
  severity: 'warning',
  drop: 'keeps the first of each group of like rows',
  open({ similarity }) {
    const index = new MinHashIndex();
    return {
      see(row) {
        const { asked, answers } = rowParts(row);
        // What the system says is mostly the same in all rows, and would make all alike.
        const texts = [...asked.filter((turn) => turn.role === 'user').map(turnText), ...answers];
        const words = plainWords(texts.join(' '));
        index.add(words.split(' ').length < leastWords ? '' : words);
      },
      found() {
        const alike = index.alike(similarity);
        // Word for word the same is exact_duplicates' to tell.
        const rows = [...alike.keys()]
          .filter((row) => index.similarity(row, alike.get(row)!) < 0.999)
          .toSorted((left, right) => left - right);
        if (rows.length === 0) return null;
        const examples = rows
          .slice(0, 5)
          .map((row) => ({ row, text: `${Math.round(index.similarity(row, alike.get(row)!) * 100)} % like row ${alike.get(row)}` }));
        return { rows, message: `${rowsOf(rows.length)} nearly the same as an earlier one`, examples };
      },
    };
  },
};
