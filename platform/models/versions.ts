/** Model versions: what runs have made, and how a model's name becomes one immutable thing that answers. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sql, type Insertable, type Kysely, type Selectable } from 'kysely';
import { servedFileOf, type AdapterType, type ServedFile } from '#contract/adapter.ts';
import type { MethodType } from '#contract/method.ts';
import type { ModelEntry } from '#contract/model.ts';
import { terminalStates } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { ModelVersionTable, Tables } from '#platform/storage/tables.ts';
import { aliasesOf } from './aliases.ts';
import { requireBaseModel, type BaseModels, type ReadyModel } from './base-models.ts';
import { closestNames } from './closest-names.ts';
import { verifyAdapter } from './verify-adapter.ts';

export interface Versions {
  db: Kysely<Tables>;
  dataDir: string;
  baseModels: BaseModels;
}

export type VersionRow = Selectable<ModelVersionTable>;
/** With the method of its run; null for a run of an older release. */
export type TrainedVersion = VersionRow & { method: MethodType | null };

/** What an engine serves. The inference room's ServedVersion has this shape; that room is above this one. */
export interface ResolvedModel {
  served: { id: string; base: string; baseFile: string | null; modelDir: string; adapter: { file: string; sha256: string } | null };
  entry: ModelEntry;
  /** Folder with the tokenizer and the chat template; '' for the scripted model. */
  modelDir: string;
  /** Hash of all files of the base model. */
  baseSha256: string;
  /** How it was taught to read chats: by the base model's own template, or as instructions and responses. */
  template: 'model' | 'instruction';
}

/** A step that was trained again, because its checkpoint was found broken, takes the place of its earlier version. */
export async function registerVersion(versions: Versions, row: Insertable<ModelVersionTable>): Promise<VersionRow> {
  const { id: _, ...replaced } = row;
  return versions.db
    .insertInto('model_versions')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ ...replaced, deleted_at: null }))
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Those of a project that answer, or score answers, newest first. */
export async function listVersions(versions: Versions, projectId: string): Promise<TrainedVersion[]> {
  return living(versions, projectId).orderBy('created_at', 'desc').orderBy('id', 'desc').execute();
}

/**
 * The name is gone first, then the files. Throws `model_not_found`, and `invalid_state` for a checkpoint of a run that still needs it or
 * a version that an alias stands for.
 */
export async function deleteVersion(versions: Versions, projectId: string, id: string): Promise<void> {
  const row = await getVersion(versions, projectId, id);
  await versions.db.transaction().execute(async (db) => {
    const run = await db.selectFrom('runs').select('state').where('id', '=', row.run_id).forUpdate().executeTakeFirst();
    // An alias that is pointed here now holds the row: either it is seen below, or it does not find the version any more.
    await db.selectFrom('model_versions').select('id').where('id', '=', id).forUpdate().execute();
    const [alias] = await aliasesOf(db, projectId, id);
    if (alias !== undefined) {
      const message = `the alias "${alias}" stands for ${id}: point it at another model or delete it, then delete this one`;
      throw new PlatformError('invalid_state', message, { param: 'model' });
    }
    if (!row.is_final && run && !terminalStates.includes(run.state)) {
      throw new PlatformError(
        'invalid_state',
        `${id} is a checkpoint of run ${row.run_id}, which may still go on from it: cancel the run first`,
        { param: 'model' },
      );
    }
    await db
      .updateTable('model_versions')
      .set({ deleted_at: sql<Date>`now()` })
      .where('id', '=', id)
      .execute();
    await db
      .updateTable('checkpoints')
      .set({ removed_at: sql<Date>`now()` })
      .where('model_id', '=', id)
      .where('removed_at', 'is', null)
      .execute();
  });
  await rm(join(versions.dataDir, row.path), { recursive: true, force: true });
}

/**
 * A model's name as a request gives it → what answers. Throws `model_not_found`, `model_not_ready`, `model_refused` (trained, but no
 * engine here can serve it, or a reward model), `artifact_corrupt` when its files are not what the run committed.
 */
export async function resolveModel(versions: Versions, projectId: string, modelId: string): Promise<ResolvedModel> {
  if (!modelId.startsWith('ft:')) {
    await namesOf(versions, projectId, modelId);
    const base = servable(await requireBaseModel(versions.baseModels, modelId));
    return {
      served: { id: modelId, base: modelId, baseFile: base.ggufFile, modelDir: base.modelDir, adapter: null },
      entry: base.entry,
      modelDir: base.modelDir,
      baseSha256: base.baseSha256,
      template: 'model',
    };
  }
  const { row, base, file, template } = await openTrained(versions, projectId, modelId);
  const { baseSha256, ggufFile, modelDir, entry } = file.endsWith('.gguf') ? servable(base) : base;
  const served = { id: row.id, base: row.base_model, baseFile: ggufFile, modelDir, adapter: { file, sha256: row.adapter_sha256 } };
  return { served, entry, modelDir, baseSha256, template };
}

/** What a run left, whether or not an engine here can serve it. Throws as `resolveModel` does. */
export async function openTrained(
  versions: Versions,
  projectId: string,
  modelId: string,
): Promise<{ row: VersionRow; base: ReadyModel; file: string; template: ResolvedModel['template'] }> {
  const row = await getVersion(versions, projectId, modelId);
  if (row.method === 'reward') throw cannotAnswer(row);
  const { servedFile, template } = await trainedAs(versions, row.run_id);
  const base = await requireBaseModel(versions.baseModels, row.base_model);
  const file = join(versions.dataDir, row.path, servedFile);
  await verifyAdapter(file, row, base.baseSha256);
  return { row, base, file, template };
}

/** How it reads chats, and which of its files answers: as its run was told to. */
async function trainedAs(versions: Versions, runId: string): Promise<{ template: ResolvedModel['template']; servedFile: ServedFile }> {
  const template = sql<string | null>`config -> 'settings' ->> 'prompt_template'`.as('template');
  const type = sql<AdapterType | null>`config -> 'adapter' ->> 'type'`.as('type');
  const useDora = sql<string | null>`config -> 'adapter' ->> 'use_dora'`.as('use_dora');
  const run = await versions.db.selectFrom('runs').select([template, type, useDora]).where('id', '=', runId).executeTakeFirst();
  return {
    template: run?.template === 'instruction' ? 'instruction' : 'model',
    servedFile: servedFileOf({ type: run?.type ?? 'lora', use_dora: run?.use_dora === 'true' }),
  };
}

/** Throws `model_not_found`. */
export async function getVersion(versions: Versions, projectId: string, id: string): Promise<TrainedVersion> {
  const row = await living(versions, projectId).where('id', '=', id).executeTakeFirst();
  if (row) return row;
  throw await unknownModel(versions, projectId, id);
}

/** An id of the catalogue is nobody's in particular; any other unknown name is told apart from what the project has. */
async function namesOf(versions: Versions, projectId: string, id: string): Promise<void> {
  if (versions.baseModels.catalog.some((entry) => entry.id === id)) return;
  throw await unknownModel(versions, projectId, id);
}

async function unknownModel(versions: Versions, projectId: string, id: string): Promise<PlatformError> {
  const tuned = (await listVersions(versions, projectId)).map((row) => row.id);
  const aliases = await versions.db.selectFrom('aliases').select('name').where('project_id', '=', projectId).execute();
  const close = closestNames(id, [...versions.baseModels.catalog.map((entry) => entry.id), ...tuned, ...aliases.map(({ name }) => name)]);
  const hint =
    close.length > 0 ? `did you mean ${close.map((name) => `"${name}"`).join(' or ')}?` : 'GET /v1/models lists those that answer';
  return new PlatformError('model_not_found', `there is no model ${JSON.stringify(id)}: ${hint}`, { param: 'model' });
}

function servable(base: ReadyModel): ReadyModel {
  if (base.ggufFile !== null || base.entry.source.type === 'scripted') return base;
  const message = `"${base.entry.id}" can be trained but not served here: the engine does not know its architecture (${base.entry.architecture})`;
  throw new PlatformError('model_refused', message, { param: 'model' });
}

function cannotAnswer({ id }: VersionRow): PlatformError {
  const message = `"${id}" is a reward model: it scores answers and gives none. Train with it by PPO (extensions.method.reward_model), and ask what comes of that`;
  return new PlatformError('model_refused', message, { param: 'model' });
}

function living(versions: Versions, projectId: string) {
  const method = sql<MethodType | null>`(select config #>> '{method,type}' from runs where runs.id = model_versions.run_id)`.as('method');
  return versions.db
    .selectFrom('model_versions')
    .selectAll('model_versions')
    .select(method)
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null);
}
