/** Looks through every row of a version once, with all checks at the same time, and says what was found and what can be done. */
import type { DataCheck, DataCheckRequest, DataFinding } from '#contract/datasets.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { ChatRow, TextRow } from '#contract/dataset.ts';
import type { Check, CheckContext, Found, Measured, RowCheck } from './checks/check.ts';
import { checks as allChecks } from './checks/index.ts';
import { leakKey } from './checks/leakage.ts';
import { rowValue, type ValidRow } from './data-row.ts';
import { findVersion, type DatasetVersionRow } from './datasets.ts';
import type { Files } from './files.ts';
import { readVersion } from './read-version.ts';
import { textHash } from './row-hash.ts';
import { RowRefused } from './row-refused.ts';
import type { RowTokenizer } from './row-tokens.ts';
import { takeTurns } from './turns-of-work.ts';

/** The model that rows are counted for. */
export interface CheckModel {
  id: string;
  tokenizer: RowTokenizer;
  contextLength: number;
}

export interface CheckedVersion {
  report: DataCheck;
  /** With every row, where the report names the first 1,000. */
  found: { check: Check; found: Found }[];
}

const mostRowsNamed = 1000;
/** Time for counting tokens; rows after that are counted only where they could be too long. */
const countingMs = 30_000;

/** Throws `dataset_not_found` for what to compare with, `invalid_request` for a kind that there is not. */
export async function checkVersion(
  files: Files,
  version: DatasetVersionRow,
  request: DataCheckRequest,
  model: CheckModel | null,
): Promise<CheckedVersion> {
  const context = {
    measure: measurer(model),
    maxTokens: request.max_tokens ?? model?.contextLength ?? null,
    specialWords: model?.tokenizer.specialWords ?? new Set<string>(),
    evaluationPrompts: await promptsOf(files, version, request.against),
    similarity: request.near_duplicate_similarity,
  };
  const opened = chosenChecks(request.checks).flatMap((check) => {
    const rowCheck = check.open(context);
    return rowCheck ? [{ check, rowCheck }] : [];
  });
  await seeRows(
    files,
    version,
    opened.map(({ rowCheck }) => rowCheck),
  );
  const found = opened.flatMap(({ check, rowCheck }) => {
    const each = rowCheck.found();
    return each ? [{ check, found: each }] : [];
  });
  const report: DataCheck = {
    object: 'dataset.check',
    version_id: version.id,
    created_at: Math.floor(Date.now() / 1000),
    model: model?.id ?? null,
    rows: version.rows,
    health: healthOf(found, version.rows),
    checks: opened.map(({ check }) => check.kind),
    findings: found.map((each) => viewFinding(each.check, each.found)),
  };
  return { report, found };
}

async function seeRows(files: Files, version: DatasetVersionRow, rowChecks: RowCheck[]): Promise<void> {
  const turn = takeTurns();
  for await (const { number, row } of readVersion(files, version)) {
    for (const check of rowChecks) check.see(row, number);
    const others = turn();
    if (others) await others;
  }
}

function chosenChecks(kinds: string[] | undefined): Check[] {
  if (!kinds) return allChecks;
  const unknown = kinds.find((kind) => !allChecks.some((check) => check.kind === kind));
  if (unknown !== undefined) {
    throw new PlatformError(
      'invalid_request',
      `checks: there is no check ${JSON.stringify(unknown)}; there are ${allChecks.map(({ kind }) => kind).join(', ')}`,
      {
        param: 'checks',
      },
    );
  }
  return allChecks.filter(({ kind }) => kinds.includes(kind));
}

/** Counts a row once, however many checks ask. */
function measurer(model: CheckModel | null): CheckContext['measure'] {
  let [lastNumber, last, spentMs] = [0, null as Measured | null, 0];
  return (row, number) => {
    if (model === null || (row.kind !== 'chat' && row.kind !== 'text')) return null;
    if (number === lastNumber) return last;
    lastNumber = number;
    last = null;
    const beganMs = performance.now();
    if (spentMs < countingMs || mayBeTooLong(row, model)) last = measure(row, model.tokenizer);
    spentMs += performance.now() - beganMs;
    return last;
  };
}

/** A token is at least one byte, and templates add some tens to each message. */
function mayBeTooLong(row: ValidRow, { contextLength }: CheckModel): boolean {
  const turns = row.kind === 'chat' ? row.messages.length : 1;
  return Buffer.byteLength(JSON.stringify(rowValue(row))) + 64 * turns > contextLength;
}

function measure(row: ValidRow, tokenizer: RowTokenizer): Measured {
  try {
    const { ids, trained } = tokenizer.tokenize(rowValue(row) as ChatRow | TextRow);
    return { total: ids.length, trained: trained.filter(Boolean).length, refused: null };
  } catch (error) {
    if (error instanceof RowRefused) return { refused: error.message };
    throw error;
  }
}

async function promptsOf(files: Files, version: DatasetVersionRow, references: string[]): Promise<Set<number> | null> {
  if (references.length === 0) return null;
  const prompts = new Set<number>();
  for (const reference of references) {
    const other = await findVersion(files, version.project_id, reference);
    if (other.id === version.id)
      throw new PlatformError('invalid_request', 'against: a version is not compared with itself', { param: 'against' });
    for await (const { row } of readVersion(files, other)) if (row.kind !== 'invalid') prompts.add(textHash(leakKey(row)));
  }
  return prompts;
}

/** Of 100 rows, those at which nothing above "info" was found. */
function healthOf(found: CheckedVersion['found'], rows: number): number {
  const ill = new Set<number>();
  for (const { check, found: each } of found) if (check.severity !== 'info') for (const row of each.rows) ill.add(row);
  return rows === 0 ? 100 : Math.floor(((rows - ill.size) * 1000) / rows) / 10;
}

function viewFinding({ kind, severity, repairs = {}, drop }: Check, { rows, message, examples }: Found): DataFinding {
  const descriptions = { ...Object.fromEntries(Object.entries(repairs).map(([action, { description }]) => [action, description])), drop };
  const actions = Object.keys(descriptions);
  const [action] = actions as [keyof typeof descriptions];
  const fix = { action, description: descriptions[action] };
  return { kind, severity, count: rows.length, rows: rows.slice(0, mostRowsNamed), message, fix, actions, examples };
}

/** Kept with the version, so that a page shows it without looking again. */
export async function keepReport(files: Files, version: DatasetVersionRow, report: DataCheck): Promise<void> {
  await files.db
    .updateTable('dataset_versions')
    .set({ report: JSON.stringify(report) })
    .where('id', '=', version.id)
    .execute();
}
