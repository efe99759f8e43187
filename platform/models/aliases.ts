/** Aliases: names that stand for a version; every change of one is a row that stays. */
import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { PlatformError } from '#platform/core/errors.ts';
import type { AliasChangeTable, AliasTable, Tables } from '#platform/storage/tables.ts';

export type AliasRow = Selectable<AliasTable>;
export type AliasChangeRow = Selectable<AliasChangeTable>;
export interface AliasWithHistory extends AliasRow {
  /** Newest first. */
  history: AliasChangeRow[];
}

/** The part of Versions that is used here. */
interface AliasParts {
  db: Kysely<Tables>;
  baseModels: { catalog: { id: string }[] };
}
type Db = AliasParts['db'];

const mostHistory = 100;

/** The version it stands for now; null when there is no alias of the name. */
export async function aliasTarget(parts: AliasParts, projectId: string, name: string): Promise<string | null> {
  const row = await parts.db
    .selectFrom('aliases')
    .select('model')
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.model ?? null;
}

/** By name. */
export async function listAliases(parts: AliasParts, projectId: string): Promise<AliasWithHistory[]> {
  const rows = await parts.db.selectFrom('aliases').selectAll().where('project_id', '=', projectId).orderBy('name').execute();
  return Promise.all(rows.map(async (row) => ({ ...row, history: await historyOf(parts, row) })));
}

/** Throws `alias_not_found`. */
export async function getAlias(parts: AliasParts, projectId: string, name: string): Promise<AliasWithHistory> {
  const row = await findAlias(parts.db, projectId, name);
  return { ...row, history: await historyOf(parts, row) };
}

/**
 * From the commit on the name stands for the model, which must exist. Pointing it at what it stands for already changes nothing.
 * Throws `invalid_request` for a name that a base model has, `model_not_found` for a version deleted meanwhile.
 */
export async function setAlias(
  parts: AliasParts,
  projectId: string,
  change: { name: string; model: string; reason: string | null },
): Promise<AliasWithHistory> {
  refuseTakenName(parts, change.name);
  await parts.db.transaction().execute(async (db) => {
    await keepVersion(db, projectId, change.model);
    const before = await lockAlias(db, projectId, change.name);
    if (before?.model === change.model) return;
    await record(db, projectId, { ...change, action: 'set', restores: null, before });
  });
  return getAlias(parts, projectId, change.name);
}

/** What a rollback would go back to. Throws `alias_not_found`, and `invalid_state` where nothing was before. */
export async function previousModel(parts: AliasParts, projectId: string, name: string): Promise<string> {
  return (await findPrevious(parts.db, projectId, name)).model;
}

/**
 * Goes back to what was before the model that answers now; again goes further back, as undo does. Throws as `previousModel`, and
 * `invalid_state` when `expected` is no longer what it would go back to, `model_not_found` when that was deleted.
 */
export async function rollBackAlias(
  parts: AliasParts,
  projectId: string,
  { name, expected, reason }: { name: string; expected: string; reason: string | null },
): Promise<AliasWithHistory> {
  await parts.db.transaction().execute(async (db) => {
    await keepVersion(db, projectId, expected);
    const before = await lockAlias(db, projectId, name);
    const { model, revision } = await findPrevious(db, projectId, name);
    if (model !== expected) {
      throw new PlatformError('invalid_state', `the alias "${name}" was changed by someone else meanwhile; look at it and try again`);
    }
    await record(db, projectId, { name, reason, model, action: 'rollback', restores: revision, before });
  });
  return getAlias(parts, projectId, name);
}

/** Requests that name it find nothing from then on; its history stays. Throws `alias_not_found`. */
export async function deleteAlias(parts: AliasParts, projectId: string, name: string): Promise<void> {
  await parts.db.transaction().execute(async (db) => {
    const before = (await lockAlias(db, projectId, name)) ?? (await findAlias(db, projectId, name));
    await record(db, projectId, { name, model: null, action: 'delete', restores: null, reason: null, before });
    await db.deleteFrom('aliases').where('project_id', '=', projectId).where('name', '=', name).execute();
  });
}

/** Names that stand for a version. */
export async function aliasesOf(db: Db, projectId: string, model: string): Promise<string[]> {
  const rows = await db.selectFrom('aliases').select('name').where('project_id', '=', projectId).where('model', '=', model).execute();
  return rows.map(({ name }) => name);
}

function refuseTakenName(parts: AliasParts, name: string): void {
  if (!parts.baseModels.catalog.some(({ id }) => id === name)) return;
  throw new PlatformError('invalid_request', `"${name}" is a base model; an alias needs a name of its own`, { param: 'name' });
}

/** Holds a tuned version against its deletion until the transaction ends. */
async function keepVersion(db: Transaction<Tables>, projectId: string, model: string): Promise<void> {
  if (!model.startsWith('ft:')) return;
  const row = await db
    .selectFrom('model_versions')
    .select('id')
    .where('project_id', '=', projectId)
    .where('id', '=', model)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
  if (!row)
    throw new PlatformError('model_not_found', `the model "${model}" was deleted; an alias cannot stand for it`, { param: 'model' });
}

async function lockAlias(db: Transaction<Tables>, projectId: string, name: string): Promise<AliasRow | null> {
  // Also keeps two from making the same name at once: there is no row yet that could be locked.
  await sql`select pg_advisory_xact_lock(hashtext(${`${projectId} ${name}`}))`.execute(db);
  const row = await db
    .selectFrom('aliases')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst();
  return row ?? null;
}

interface Change extends Pick<AliasChangeRow, 'name' | 'action' | 'model' | 'restores' | 'reason'> {
  before: AliasRow | null;
}

/** The change as the next revision, and the alias as it is then. */
async function record(db: Transaction<Tables>, projectId: string, { before, ...change }: Change): Promise<void> {
  const { last } = await db
    .selectFrom('alias_changes')
    .select(sql<number>`coalesce(max(revision), 0)::int`.as('last'))
    .where('project_id', '=', projectId)
    .where('name', '=', change.name)
    .executeTakeFirstOrThrow();
  const revision = last + 1;
  await db
    .insertInto('alias_changes')
    .values({ ...change, project_id: projectId, revision, previous_model: before?.model ?? null })
    .execute();
  if (change.model === null) return;
  const now = { model: change.model, revision };
  await db
    .insertInto('aliases')
    .values({ project_id: projectId, name: change.name, ...now })
    .onConflict((conflict) => conflict.columns(['project_id', 'name']).doUpdateSet({ ...now, updated_at: sql<Date>`clock_timestamp()` }))
    .execute();
}

/** The change before the one that answers now; a rollback stands for the change that it restored. */
async function findPrevious(db: Db, projectId: string, name: string): Promise<{ revision: number; model: string }> {
  const { revision } = await findAlias(db, projectId, name);
  const current = await findChange(db, projectId, name, revision);
  const before = await findChange(db, projectId, name, (current?.restores ?? revision) - 1);
  if (!before?.model)
    throw new PlatformError('invalid_state', `the alias "${name}" stood for nothing before: there is nothing to go back to`);
  return { revision: before.restores ?? before.revision, model: before.model };
}

function findChange(db: Db, projectId: string, name: string, revision: number): Promise<AliasChangeRow | undefined> {
  return db
    .selectFrom('alias_changes')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .where('revision', '=', revision)
    .executeTakeFirst();
}

async function findAlias(db: Db, projectId: string, name: string): Promise<AliasRow> {
  const row = await db.selectFrom('aliases').selectAll().where('project_id', '=', projectId).where('name', '=', name).executeTakeFirst();
  if (row) return row;
  throw new PlatformError('alias_not_found', `there is no alias "${name}"; GET /api/v1/aliases lists them`, { param: 'name' });
}

function historyOf(parts: AliasParts, { project_id, name }: AliasRow): Promise<AliasChangeRow[]> {
  return parts.db
    .selectFrom('alias_changes')
    .selectAll()
    .where('project_id', '=', project_id)
    .where('name', '=', name)
    .orderBy('revision', 'desc')
    .limit(mostHistory)
    .execute();
}
