/** `tuneloop data split`: parts by chance, each a dataset of its own. */
import type { DatasetVersion } from '#contract/datasets.ts';
import { wholeNumber, type Command } from '../command.ts';
import { count, versionFields, versionPath, versionWord } from '../find-dataset.ts';

export const command: Command = {
  words: [versionWord],
  flags: [
    { flags: '--parts <name=share,…>', description: 'train=0.9,validation=0.1 when left out', parse: readParts },
    { flags: '--seed <number>', description: 'the same seed makes the same split', parse: wholeNumber(0), default: 0 },
    { flags: '--stratify-by <column>', description: 'a column, or "answer": each of its values is split by the same shares' },
  ],
  examples: [
    'tuneloop data split lumen-support',
    'tuneloop data split support@2 --parts train=0.8,validation=0.1,test=0.1 --seed 7 --stratify-by topic',
  ],
  fields: versionFields,
  async run({ out, client }, { words: [reference], flags }) {
    const body = { parts: flags.parts, seed: flags.seed, stratify_by: flags.stratifyBy };
    const { data } = await (await client()).ask<{ data: DatasetVersion[] }>(`${versionPath(reference!)}/split`, { method: 'POST', body });
    out.print(data, () => data.map(({ dataset, version, rows }) => `${dataset}@${version}  ${count(rows)} rows`).join('\n'));
  },
};

function readParts(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [name, share] = part.split('=') as [string, string?];
      if (name === '' || !(Number(share) > 0)) throw new RangeError(`takes name=share,…, not "${text}"`);
      return [name, Number(share)];
    }),
  );
}
