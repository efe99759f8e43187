/** Makes models into forms that other programs load, one at a time; each form of a model is a row, and a folder once it is ready. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { sql, type Kysely, type Selectable } from 'kysely';
import { ExportManifest, ExportProgress, type ExportForm, type ExportTask } from '#contract/model-export.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { Files } from '#platform/data/files.ts';
import { templateInstead } from '#platform/data/row-tokens.ts';
import { trainingDataPath } from '#platform/data/training-data.ts';
import { resolveModel, type Versions } from '#platform/models/versions.ts';
import type { ModelExportTable, Tables } from '#platform/storage/tables.ts';
import type { Launcher } from '#platform/training/launcher.ts';
import type { Log } from '#platform/training/log.ts';
import { llamaLibrary } from './llama-library.ts';
import { quantizersIn, requireQuantizers } from './quantizers.ts';

export interface ExporterParts {
  db: Kysely<Tables>;
  files: Files;
  versions: Versions;
  launcher: Pick<Launcher, 'export'>;
  dataDir: string;
  /** Folder of what GPTQ, AWQ and bitsandbytes need; it may be missing. */
  quantizers: string;
  log: Log;
}

export type ExportRow = Selectable<ModelExportTable>;

/** A row, with what is on disk of it. */
export interface FoundExport {
  row: ExportRow;
  progress: ExportProgress | null;
  /** Null until it is ready. */
  folder: string | null;
  manifest: ExportManifest | null;
}

export class Exporter {
  readonly #parts: ExporterParts;
  /** Those that wait or go on here, by folder. */
  readonly #places = new Map<string, AbortController>();
  #last: Promise<void> = Promise.resolve();

  constructor(parts: ExporterParts) {
    this.#parts = parts;
  }

  /** What an ended process left unfinished is said to be so. */
  async open(): Promise<void> {
    const failure = { code: 'invalid_state', message: 'The platform ended while it was exported: ask for it again.' };
    await this.#parts.db
      .updateTable('model_exports')
      .set({ state: 'failed', failure: JSON.stringify(failure), finished_at: sql<Date>`now()` })
      .where('state', 'in', ['queued', 'running'])
      .execute();
  }

  /**
   * Starts to make a form; one that is there or under way is left alone. Throws as `resolveModel`, `model_refused` for the scripted model,
   * and `unsupported_value` for a form whose libraries are not installed.
   */
  async start(projectId: string, modelId: string, form: ExportForm): Promise<FoundExport> {
    const { db, versions, quantizers } = this.#parts;
    requireQuantizers(form, quantizers);
    const { modelDir } = await resolveModel(versions, projectId, modelId);
    if (modelDir === '') throw new PlatformError('model_refused', `"${modelId}" has no weights to export`, { param: 'model' });
    const path = exportPath(projectId, modelId, form);
    const fresh = { state: 'queued', failure: null, path, created_at: sql<Date>`now()`, finished_at: null } as const;
    const begun = await db
      .insertInto('model_exports')
      .values({ project_id: projectId, model_id: modelId, form, ...fresh })
      .onConflict((conflict) =>
        conflict.columns(['project_id', 'model_id', 'form']).doUpdateSet(fresh).where('model_exports.state', '=', 'failed'),
      )
      .returningAll()
      .executeTakeFirst();
    if (begun) this.#queue(begun);
    return this.get(projectId, modelId, form);
  }

  /** Newest first. Throws `model_not_found`. */
  async list(projectId: string, modelId: string): Promise<FoundExport[]> {
    await resolveModel(this.#parts.versions, projectId, modelId);
    const rows = await this.#rows(projectId, modelId).orderBy('created_at', 'desc').orderBy('form').execute();
    return Promise.all(rows.map((row) => this.#find(row)));
  }

  /** Throws `export_not_found`. */
  async get(projectId: string, modelId: string, form: ExportForm): Promise<FoundExport> {
    const row = await this.#rows(projectId, modelId).where('form', '=', form).executeTakeFirst();
    if (row) return this.#find(row);
    const message = `There is no ${form} export of "${modelId}"; make one with POST /api/v1/models/{model}/exports.`;
    throw new PlatformError('export_not_found', message, { param: 'form' });
  }

  /** Ends it if it is under way; then nothing is left of it. Throws `export_not_found`. */
  async remove(projectId: string, modelId: string, form: ExportForm): Promise<void> {
    const { row } = await this.get(projectId, modelId, form);
    await this.#forget([row]);
  }

  /** For a model that is deleted. */
  async removeAll(projectId: string, modelId: string): Promise<void> {
    await this.#forget(await this.#rows(projectId, modelId).execute());
  }

  /** Breaks off what goes on; the next start says so of it. */
  async close(): Promise<void> {
    for (const place of this.#places.values()) place.abort();
    await this.#last;
  }

  #rows(projectId: string, modelId: string) {
    return this.#parts.db.selectFrom('model_exports').selectAll().where('project_id', '=', projectId).where('model_id', '=', modelId);
  }

  async #find(row: ExportRow): Promise<FoundExport> {
    const folder = join(this.#parts.dataDir, row.path);
    const readAs = async <Value>(file: string, shape: { parse: (value: unknown) => Value }): Promise<Value | null> => {
      const text = await readFile(file, 'utf8').catch(() => null);
      return text === null ? null : shape.parse(JSON.parse(text));
    };
    if (row.state !== 'ready') {
      const progress = row.state === 'running' ? await readAs(progressFile(folder), ExportProgress) : null;
      return { row, progress, folder: null, manifest: null };
    }
    const manifest = await readAs(join(folder, 'manifest.json'), ExportManifest);
    if (manifest) return { row, progress: null, folder, manifest };
    const message = `${folder} is gone or damaged; remove the export and make it again.`;
    return {
      row: { ...row, state: 'failed', failure: { code: 'artifact_corrupt', message } },
      progress: null,
      folder: null,
      manifest: null,
    };
  }

  #queue(row: ExportRow): void {
    const place = new AbortController();
    this.#places.set(row.path, place);
    this.#last = this.#last
      .then(() => this.#make(row, place.signal))
      .catch((error: unknown) => this.#parts.log.error({ err: error, model: row.model_id }, 'the state of an export could not be stored'))
      .finally(() => {
        if (this.#places.get(row.path) === place) this.#places.delete(row.path);
      });
  }

  async #make(row: ExportRow, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await this.#keep(row, { state: 'running' });
    try {
      await this.#parts.launcher.export(await this.#task(row), signal);
      if (signal.aborted) return;
      await this.#keep(row, { state: 'ready', finished_at: sql<Date>`now()` });
    } catch (error) {
      if (signal.aborted) return;
      const code = error instanceof PlatformError ? error.code : 'server_error';
      const message = error instanceof Error ? error.message : String(error);
      this.#parts.log.warn({ err: error, model: row.model_id, form: row.form }, 'a model could not be exported');
      await this.#keep(row, { state: 'failed', failure: JSON.stringify({ code, message }), finished_at: sql<Date>`now()` });
    }
  }

  async #task(row: ExportRow): Promise<ExportTask> {
    const { dataDir, versions } = this.#parts;
    const { served, modelDir, template, baseSha256 } = await resolveModel(versions, row.project_id, row.model_id);
    const folder = join(dataDir, row.path);
    return {
      form: row.form,
      model: row.model_id,
      name: fileName(row.model_id),
      base_model: served.base,
      base_sha256: baseSha256,
      model_dir: modelDir,
      adapter_dir: served.adapter ? dirname(served.adapter.file) : null,
      adapter_sha256: served.adapter?.sha256 ?? null,
      ...(await this.#tuning(row)),
      chat_template: await templateInstead(modelDir, template),
      llama_library: await llamaLibrary(),
      quantizers: quantizersIn(this.#parts.quantizers),
      threads: Math.max(1, availableParallelism() - 1),
      output_dir: folder,
      progress_file: progressFile(folder),
    };
  }

  /** How a tuned model was tuned, and the rows that it learnt from. */
  async #tuning(row: ExportRow): Promise<Pick<ExportTask, 'method' | 'training_file'>> {
    const { db, files } = this.#parts;
    const run = await db
      .selectFrom('model_versions')
      .innerJoin('runs', 'runs.id', 'model_versions.run_id')
      .select(['runs.training_file', 'runs.config'])
      .where('model_versions.id', '=', row.model_id)
      .executeTakeFirst();
    if (!run) return { method: null, training_file: null };
    const training_file = await trainingDataPath(files, row.project_id, run.training_file).catch((error: unknown) => {
      // A file that was deleted since is missed by what needs it, and by nothing else.
      if (error instanceof PlatformError) return null;
      throw error;
    });
    return { method: run.config.method.type, training_file };
  }

  async #keep(row: ExportRow, changes: object): Promise<void> {
    const { project_id, model_id, form } = row;
    await this.#parts.db
      .updateTable('model_exports')
      .set(changes)
      .where('project_id', '=', project_id)
      .where('model_id', '=', model_id)
      .where('form', '=', form)
      .execute();
  }

  async #forget(rows: ExportRow[]): Promise<void> {
    for (const row of rows) {
      const { project_id, model_id, form } = row;
      this.#places.get(row.path)?.abort();
      await this.#parts.db
        .deleteFrom('model_exports')
        .where('project_id', '=', project_id)
        .where('model_id', '=', model_id)
        .where('form', '=', form)
        .execute();
      const folder = join(this.#parts.dataDir, row.path);
      for (const path of [folder, halfOf(folder), progressFile(folder)])
        if (existsSync(path)) await rm(path, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

function exportPath(projectId: string, modelId: string, form: ExportForm): string {
  return join('exports', projectId, fileName(modelId), form);
}

/** An id may hold slashes and colons; the names of files that other programs are given should not. */
function fileName(modelId: string): string {
  return modelId.replaceAll('/', '---').replaceAll(':', '-');
}

const progressFile = (folder: string): string => join(dirname(folder), `.progress-${folder.split('/').at(-1)}.json`);
/** What the worker writes to before it gives the folder its name. */
const halfOf = (folder: string): string => join(dirname(folder), `.tmp-${folder.split('/').at(-1)}`);
