/** Mends what was found at the rows of a version, and keeps the result as a new version. */
import type { DataFixRequest } from '#contract/datasets.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { checkVersion, type CheckedVersion, type CheckModel } from './check-quality.ts';
import type { DataRow } from './data-row.ts';
import { getDataset, type DatasetVersionRow } from './datasets.ts';
import type { Files } from './files.ts';
import { readVersion } from './read-version.ts';
import { writeVersion } from './write-version.ts';

interface Fix {
  kind: string;
  action: string;
  rows: Set<number>;
  /** Null drops the row. */
  apply: (row: DataRow) => DataRow | null;
}

/**
 * Looks for the findings again, so that every row of each is mended and not only those that a report names. Nothing to mend gives the
 * version itself. Throws `invalid_request` for a kind or an action that there is not.
 */
export async function fixVersion(
  files: Files,
  version: DatasetVersionRow,
  request: DataFixRequest,
  model: CheckModel | null,
): Promise<DatasetVersionRow> {
  const { fixes: asked, ...how } = request;
  const kinds = asked === 'proposed' ? how.checks : asked.map(({ kind }) => kind);
  const { found } = await checkVersion(files, version, { ...how, checks: kinds }, model);
  const fixes = asked === 'proposed' ? proposedFixes(found) : asked.flatMap(({ kind, action }) => chosenFix(found, kind, action));
  const applied = fixes.map(({ kind, action, rows }) => ({ kind, action, rows: rows.size }));
  if (applied.length === 0) return version;
  const { max_tokens, against, near_duplicate_similarity } = how;
  const parameters = {
    fixes: applied,
    model: model?.id ?? null,
    against,
    near_duplicate_similarity,
    ...(max_tokens !== undefined && { max_tokens }),
  };
  const dataset = await getDataset(files, version.project_id, version.dataset_id);
  const { kind, format } = version;
  return writeVersion(files, { dataset, kind, format, operation: 'fix', parameters, parentId: version.id }, mended(files, version, fixes));
}

function proposedFixes(found: CheckedVersion['found']): Fix[] {
  return found.filter(({ check }) => check.severity !== 'info').map((each) => fixOf(each, undefined));
}

/** Nothing when nothing of that kind was found. */
function chosenFix(found: CheckedVersion['found'], kind: string, action: string | undefined): Fix[] {
  const each = found.find(({ check }) => check.kind === kind);
  return each ? [fixOf(each, action)] : [];
}

function fixOf({ check, found }: CheckedVersion['found'][number], asked: string | undefined): Fix {
  const repairs = check.repairs ?? {};
  const action = asked ?? Object.keys(repairs)[0] ?? 'drop';
  const rows = new Set(found.rows);
  if (action === 'drop') return { kind: check.kind, action, rows, apply: () => null };
  const repair = Object.hasOwn(repairs, action) ? repairs[action] : undefined;
  if (!repair) {
    const actions = [...Object.keys(repairs), 'drop'].join(', ');
    throw new PlatformError('invalid_request', `fixes: ${check.kind} has no action ${JSON.stringify(action)}; it has ${actions}`, {
      param: 'fixes',
    });
  }
  return { kind: check.kind, action, rows, apply: (row) => (row.kind === 'invalid' ? row : repair.apply(row)) };
}

async function* mended(files: Files, version: DatasetVersionRow, fixes: Fix[]): AsyncIterable<DataRow> {
  for await (const { number, row } of readVersion(files, version)) {
    let left: DataRow | null = row;
    for (const fix of fixes) if (left && fix.rows.has(number)) left = fix.apply(left);
    if (left) yield left;
  }
}
