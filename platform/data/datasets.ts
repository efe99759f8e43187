/** Datasets and their versions as rows of the database: made, found by name or id, listed, deleted. */
import { sql, type Selectable } from 'kysely';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import type { DatasetTable, DatasetVersionTable } from '#platform/storage/tables.ts';
import type { Files } from './files.ts';

export type DatasetRow = Selectable<DatasetTable>;
export type DatasetVersionRow = Selectable<DatasetVersionTable>;

/** The dataset of this name; a new one when there is none. */
export async function ensureDataset(files: Files, projectId: string, name: string, description?: string): Promise<DatasetRow> {
  await files.db
    .insertInto('datasets')
    .values({ id: newId('ds-'), project_id: projectId, name, description: description ?? '' })
    .onConflict((conflict) => conflict.columns(['project_id', 'name']).doNothing())
    .execute();
  return getDataset(files, projectId, name);
}

/** By id or name. Throws `dataset_not_found`. */
export async function getDataset(files: Files, projectId: string, idOrName: string): Promise<DatasetRow> {
  const row = await files.db
    .selectFrom('datasets')
    .selectAll()
    .where('project_id', '=', projectId)
    .where((where) => where.or([where('id', '=', idOrName), where('name', '=', idOrName)]))
    .executeTakeFirst();
  if (row) return row;
  throw new PlatformError(
    'dataset_not_found',
    `there is no dataset ${JSON.stringify(idOrName)} in this project: list yours with GET /api/v1/datasets`,
  );
}

export async function listDatasets(
  files: Files,
  projectId: string,
  query: { after?: string | undefined; limit: number; order: 'asc' | 'desc' },
) {
  let rows = files.db
    .selectFrom('datasets')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('created_at', query.order)
    .orderBy('id', query.order)
    .limit(query.limit + 1);
  if (query.after !== undefined) {
    const { id } = await getDataset(files, projectId, query.after);
    const last = sql`(select created_at, id from datasets where id = ${id})`;
    rows = rows.where(query.order === 'asc' ? sql<boolean>`(created_at, id) > ${last}` : sql<boolean>`(created_at, id) < ${last}`);
  }
  const data = await rows.execute();
  return { data: data.slice(0, query.limit), hasMore: data.length > query.limit };
}

/** Throws `dataset_not_found`, and `invalid_request` for a name that another dataset has. */
export async function changeDataset(
  files: Files,
  projectId: string,
  idOrName: string,
  change: { name?: string | undefined; description?: string | undefined },
): Promise<DatasetRow> {
  const { id, name } = await getDataset(files, projectId, idOrName);
  if (change.name !== undefined && change.name !== name) {
    const other = await getDataset(files, projectId, change.name).catch(() => null);
    if (other)
      throw new PlatformError('invalid_request', `name: there is a dataset ${JSON.stringify(change.name)} already`, { param: 'name' });
  }
  const values = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  if (Object.keys(values).length > 0) await files.db.updateTable('datasets').set(values).where('id', '=', id).execute();
  return getDataset(files, projectId, id);
}

/** With all its versions; what runs have learnt of them stays. */
export async function deleteDataset(files: Files, projectId: string, idOrName: string): Promise<DatasetRow> {
  const dataset = await getDataset(files, projectId, idOrName);
  const versions = await listVersions(files, dataset.id);
  await files.db.deleteFrom('datasets').where('id', '=', dataset.id).execute();
  for (const version of versions) await files.objects.delete(version.object_key);
  return dataset;
}

/** Newest first. */
export function listVersions(files: Files, datasetId: string): Promise<DatasetVersionRow[]> {
  return files.db.selectFrom('dataset_versions').selectAll().where('dataset_id', '=', datasetId).orderBy('version', 'desc').execute();
}

/** `version` is its number, its id or "latest". Throws `dataset_not_found`. */
export async function getDatasetVersion(files: Files, projectId: string, idOrName: string, version: string): Promise<DatasetVersionRow> {
  const dataset = await getDataset(files, projectId, idOrName);
  let rows = files.db.selectFrom('dataset_versions').selectAll().where('dataset_id', '=', dataset.id);
  if (version === 'latest') rows = rows.orderBy('version', 'desc').limit(1);
  else if (/^\d{1,9}$/.test(version)) rows = rows.where('version', '=', Number(version));
  else rows = rows.where('id', '=', version);
  const row = await rows.executeTakeFirst();
  if (row) return row;
  throw new PlatformError('dataset_not_found', `dataset ${dataset.name} has no version ${JSON.stringify(version)}`);
}

/** Whether the text names a version rather than a file: `dsv-…`, `name@3`, `name@latest`. */
export const isVersionReference = (text: string): boolean =>
  /^dsv-[A-Za-z0-9]+$/.test(text) || /^[A-Za-z0-9][A-Za-z0-9._-]*@(\d+|latest)$/.test(text);

/** The version that `dsv-…`, `name@3` or `name` (its newest) names. Throws `dataset_not_found`. */
export async function findVersion(files: Files, projectId: string, reference: string): Promise<DatasetVersionRow> {
  if (!reference.startsWith('dsv-')) {
    const [name, version = 'latest'] = reference.split('@') as [string, string?];
    return getDatasetVersion(files, projectId, name, version);
  }
  const row = await files.db
    .selectFrom('dataset_versions')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('id', '=', reference)
    .executeTakeFirst();
  if (row) return row;
  throw new PlatformError('dataset_not_found', `there is no dataset version ${JSON.stringify(reference)} in this project`);
}
