/** Splits a version into parts by chance, the same chance for the same seed; rows that ask the same stay together. */
import { hash } from 'node:crypto';
import type { DataSplitRequest } from '#contract/datasets.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { DataRow } from './data-row.ts';
import { ensureDataset, getDataset, type DatasetVersionRow } from './datasets.ts';
import type { Files } from './files.ts';
import { readVersion } from './read-version.ts';
import { HashColumn, textHash } from './row-hash.ts';
import { plainWords, promptKey, rowParts } from './row-text.ts';
import { writeVersion } from './write-version.ts';

const nowhere = 255;

/** A version of `<name>-<part>` for each part, in the order of the parts. Throws `invalid_request` for an empty part or an unknown column. */
export async function splitVersion(files: Files, version: DatasetVersionRow, request: DataSplitRequest): Promise<DatasetVersionRow[]> {
  const source = await getDataset(files, version.project_id, version.dataset_id);
  const names = Object.keys(request.parts);
  const places = await assign(files, version, request);
  const empty = names.find((_, part) => !places.includes(part));
  if (empty !== undefined) {
    throw new PlatformError('invalid_request', `parts: of ${version.rows} rows none would be in "${empty}"; give it a larger share`, {
      param: 'parts',
    });
  }
  const made: DatasetVersionRow[] = [];
  for (const [part, name] of names.entries()) {
    const dataset = await ensureDataset(files, version.project_id, `${source.name}-${name}`);
    const parameters = {
      part: name,
      parts: request.parts,
      seed: request.seed,
      ...(request.stratify_by && { stratify_by: request.stratify_by }),
    };
    const { kind, format } = version;
    made.push(
      await writeVersion(
        files,
        { dataset, kind, format, operation: 'split', parameters, parentId: version.id },
        rowsAt(files, version, places, part),
      ),
    );
  }
  return made;
}

async function* rowsAt(files: Files, version: DatasetVersionRow, places: Uint8Array, part: number): AsyncIterable<DataRow> {
  for await (const { number, row } of readVersion(files, version)) if (places[number - 1] === part) yield row;
}

/** The part of each row. Within each stratum the groups of rows that ask the same are ordered by chance, then cut at the shares. */
async function assign(files: Files, version: DatasetVersionRow, { parts, seed, stratify_by }: DataSplitRequest): Promise<Uint8Array> {
  const [strata, groups] = [new HashColumn(), new HashColumn()];
  const stratumOfGroup = new Map<number, number>();
  let isKnown = stratify_by === undefined || stratify_by === 'answer';
  for await (const { number, row } of readVersion(files, version)) {
    const stratum = stratify_by === undefined ? '' : stratumOf(row, stratify_by);
    isKnown ||= stratum !== null;
    const group = groupOf(row, number);
    // Rows that ask the same stay together, also where their values differ: the first one's counts.
    const known = stratify_by === undefined ? 0 : (stratumOfGroup.get(group) ?? textHash(stratum ?? ''));
    if (stratify_by !== undefined) stratumOfGroup.set(group, known);
    strata.push(known);
    groups.push(group);
  }
  if (!isKnown)
    throw new PlatformError('invalid_request', `stratify_by: no row has a column ${JSON.stringify(stratify_by)}`, { param: 'stratify_by' });
  const places = new Uint8Array(version.rows).fill(nowhere);
  for (const rows of withSmallOnesJoined(strata.groups(1), Math.min(...Object.values(parts)))) {
    const order = new Map<number, number>();
    for (const row of rows) if (!order.has(groups.at(row))) order.set(groups.at(row), chance(seed, groups.at(row)));
    const shuffled = rows.toSorted((left, right) => order.get(groups.at(left))! - order.get(groups.at(right))! || left - right);
    cut(shuffled, groups, Object.values(parts), places);
  }
  return places;
}

/** Values too rare to have a row in every part are drawn from together. */
function withSmallOnesJoined(strata: number[][], smallestShare: number): number[][] {
  const isLarge = (rows: number[]): boolean => rows.length * smallestShare >= 1;
  const rest = strata.filter((rows) => !isLarge(rows)).flat();
  return [...strata.filter(isLarge), ...(rest.length > 0 ? [rest.toSorted((left, right) => left - right)] : [])];
}

/** A group whose middle is before the end of a part belongs to it as a whole. */
function cut(rows: number[], groups: HashColumn, shares: number[], places: Uint8Array): void {
  for (let start = 0; start < rows.length;) {
    let end = start + 1;
    while (end < rows.length && groups.at(rows[end]!) === groups.at(rows[start]!)) end++;
    const middle = (start + end) / 2;
    let bound = 0;
    const part = shares.findIndex((share) => middle < (bound += share * rows.length) + 1e-9);
    if (part !== -1) for (let at = start; at < end; at++) places[rows[at]! - 1] = part;
    start = end;
  }
}

function stratumOf(row: DataRow, by: string): string | null {
  if (row.kind === 'invalid') return null;
  if (by === 'answer') return row.kind === 'unpaired' ? String(row.label) : plainWords(rowParts(row).answers[0] ?? '');
  const value = row.more[by];
  return value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value);
}

function groupOf(row: DataRow, number: number): number {
  if (row.kind === 'invalid') return number;
  const key = row.kind === 'text' ? row.text : promptKey(row);
  return textHash(key);
}

/** 48 random bits that follow from seed and group alone. */
function chance(seed: number, group: number): number {
  return Number.parseInt(hash('sha256', `${seed} ${group}`, 'hex').slice(0, 12), 16);
}
