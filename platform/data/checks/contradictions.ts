/** Rows that ask the same, word for word, and answer differently. */
import { HashColumn, none, textHash } from '../row-hash.ts';
import { plainWords, promptKey, rowParts } from '../row-text.ts';
import { rowsOf, type Check } from './check.ts';

export const contradictions: Check = {
  kind: 'contradictions',
  severity: 'warning',
  drop: 'keeps the first answer to each question',
  open() {
    const prompts = new HashColumn();
    const answers = new HashColumn();
    return {
      see(row) {
        const hasAnswer = row.kind === 'chat';
        const key = hasAnswer ? promptKey(row) : '';
        prompts.push(key === '' ? none : textHash(key));
        answers.push(hasAnswer ? textHash(plainWords(rowParts(row).answers.join('\n'))) : none);
      },
      found() {
        const rows: number[] = [];
        const examples: { row: number; text: string }[] = [];
        for (const [first, ...others] of prompts.groups()) {
          const different = others.filter((row) => answers.at(row) !== answers.at(first!));
          rows.push(...different);
          if (different.length > 0) examples.push({ row: different[0]!, text: `asks the same as row ${first} and answers something else` });
        }
        if (rows.length === 0) return null;
        rows.sort((left, right) => left - right);
        return {
          rows,
          message: `${rowsOf(rows.length)} with another answer to a question than an earlier one`,
          examples: examples.slice(0, 5),
        };
      },
    };
  },
};
