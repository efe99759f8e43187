/** How many tokens the rows of a version have, by the tokenizer and chat template of a model. */
import type { ChatRow, TextRow } from '#contract/dataset.ts';
import type { TokenStats } from '#contract/datasets.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { CheckModel } from './check-quality.ts';
import { rowValue } from './data-row.ts';
import type { DatasetVersionRow } from './datasets.ts';
import type { Files } from './files.ts';
import { readVersion } from './read-version.ts';
import { HashColumn } from './row-hash.ts';
import { RowRefused } from './row-refused.ts';
import { lengthsOf } from './row-stats.ts';
import { takeTurns } from './turns-of-work.ts';

/** A MiB takes about a second to count: of larger versions every n-th row is. */
const mostCountedBytes = 8 * 2 ** 20;
const bars = 20;

/** Kept with the version. Throws `invalid_request` for a kind that no chat template writes. */
export async function tokenStats(files: Files, version: DatasetVersionRow, model: CheckModel): Promise<TokenStats> {
  const kept = version.token_stats[model.id];
  if (kept) return kept;
  if (version.kind !== 'chat' && version.kind !== 'text') {
    throw new PlatformError('invalid_request', `tokens are counted of chats and texts; this version is of the kind ${version.kind}`, {
      param: 'model',
    });
  }
  const stats = await count(files, version, model);
  const token_stats = JSON.stringify({ ...version.token_stats, [model.id]: stats });
  await files.db.updateTable('dataset_versions').set({ token_stats }).where('id', '=', version.id).execute();
  return stats;
}

async function count(files: Files, version: DatasetVersionRow, model: CheckModel): Promise<TokenStats> {
  const every = Math.max(1, Math.ceil(version.bytes / mostCountedBytes));
  const lengths = new HashColumn();
  let [trained, refused, tooLong, counted] = [0, 0, 0, 0];
  const turn = takeTurns();
  for await (const { number, row } of readVersion(files, version)) {
    if ((number - 1) % every !== 0 || row.kind === 'invalid') continue;
    counted++;
    try {
      const tokens = model.tokenizer.tokenize(rowValue(row) as ChatRow | TextRow);
      lengths.push(tokens.ids.length);
      trained += tokens.trained.filter(Boolean).length;
      if (tokens.ids.length > model.contextLength) tooLong++;
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      refused++;
    }
    const others = turn();
    if (others) await others;
  }
  const total = lengths.sorted().reduce((sum, length) => sum + length, 0);
  const scale = counted === 0 ? 0 : (version.rows - version.invalid_rows) / counted;
  return {
    model: model.id,
    counted_rows: counted,
    total: Math.round(total * scale),
    trained: Math.round(trained * scale),
    trained_share: total === 0 ? 0 : trained / total,
    refused_rows: refused,
    longer_than_context: tooLong,
    lengths: lengthsOf(lengths),
    histogram: histogram(lengths),
  };
}

/** Bars of equal width, the last of which ends at the longest row. */
function histogram(lengths: HashColumn): TokenStats['histogram'] {
  const sorted = lengths.sorted();
  const longest = sorted.at(-1);
  if (longest === undefined) return [];
  const width = Math.max(1, Math.ceil(longest / bars));
  const rows = Array.from({ length: Math.ceil(longest / width) }, (_, bar) => ({ up_to: (bar + 1) * width, rows: 0 }));
  for (const length of sorted) rows[Math.max(0, Math.ceil(length / width) - 1)]!.rows++;
  return rows;
}
