/** Gives versions their parity certificate, one at a time and when nobody else needs the engine; the certificates are rows. */
import { setTimeout as wait } from 'node:timers/promises';
import { dirname } from 'node:path';
import { sql, type Kysely, type Selectable } from 'kysely';
import type { ModelEntry } from '#contract/model.ts';
import type { ParityCertificate } from '#contract/parity.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { Files } from '#platform/data/files.ts';
import { templateInstead } from '#platform/data/row-tokens.ts';
import type { Engine, ServedVersion } from '#platform/inference/engine.ts';
import { ggufWeights, type GgufWeights } from '#platform/models/gguf-weights.ts';
import { getVersion, resolveModel, type VersionRow, type Versions } from '#platform/models/versions.ts';
import type { Tables, VersionParityTable } from '#platform/storage/tables.ts';
import type { Launcher } from '#platform/training/launcher.ts';
import type { Log } from '#platform/training/log.ts';
import { measureParity } from './measure-parity.ts';
import { limitsOf } from './parity-limits.ts';
import { parityPrompts } from './parity-prompts.ts';

export interface CertifierParts {
  db: Kysely<Tables>;
  versions: Versions;
  files: Files;
  launcher: Pick<Launcher, 'score'>;
  engineOf: (entry: ModelEntry, served: ServedVersion) => Engine;
  log: Log;
}

/** A new version is most wanted right after its run: it is compared once the engine has been quiet for so long, or after `mostMs`. */
const quiet = { forMs: 3000, everyMs: 500, mostMs: 120_000 };

export class Certifier {
  readonly #parts: CertifierParts;
  readonly #closing = new AbortController();
  #last: Promise<void> = Promise.resolve();

  constructor(parts: CertifierParts) {
    this.#parts = parts;
  }

  /** What an ended process left half-measured is said to be so. */
  async open(): Promise<void> {
    const reason = 'the platform ended while it was measured; POST /api/v1/models/{id}/parity measures it again';
    const left = await this.#parts.db.selectFrom('version_parity').selectAll().where('state', '=', 'measuring').execute();
    for (const row of left) await this.#keep(row.model_id, { ...nothingMeasured(row.model_id, row.adapter_sha256), reason });
  }

  /** Measures it in its turn; `isPatient` waits until nobody else uses the engine. Resolves once the row says "measuring". */
  async queue(version: VersionRow, isPatient: boolean): Promise<void> {
    await this.#keep(version.id, { ...nothingMeasured(version.id, version.adapter_sha256), state: 'measuring' });
    this.#last = this.#last
      .then(() => this.#certify(version, isPatient))
      .catch((error: unknown) => {
        this.#parts.log.error({ err: error, model: version.id }, 'the parity of a version could not be stored');
      });
  }

  /** Throws `model_not_found`, and `invalid_request` for a base model. */
  async read(projectId: string, modelId: string): Promise<ParityCertificate> {
    const version = await this.#versionOf(projectId, modelId);
    const row = await this.#parts.db.selectFrom('version_parity').selectAll().where('model_id', '=', version.id).executeTakeFirst();
    return viewParity(version, row ?? null);
  }

  /** Measures a version now, whatever was found before. Throws as `read`. */
  async measure(projectId: string, modelId: string): Promise<ParityCertificate> {
    await this.queue(await this.#versionOf(projectId, modelId), false);
    return this.read(projectId, modelId);
  }

  /** Breaks a measurement off; the next start says so of it. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#last;
  }

  async #versionOf(projectId: string, modelId: string): Promise<VersionRow> {
    if (this.#parts.versions.baseModels.catalog.some(({ id }) => id === modelId)) {
      const message = `"${modelId}" is a base model: nothing was trained that it could be compared with`;
      throw new PlatformError('invalid_request', message, { param: 'model' });
    }
    return getVersion(this.#parts.versions, projectId, modelId);
  }

  async #certify(version: VersionRow, isPatient: boolean): Promise<void> {
    const signal = this.#closing.signal;
    const nothing = nothingMeasured(version.id, version.adapter_sha256);
    try {
      await this.#keep(version.id, await this.#certificate(version, isPatient, signal));
    } catch (error) {
      if (signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.log.warn({ err: error, model: version.id }, 'the parity of a version could not be measured');
      await this.#keep(version.id, { ...nothing, reason });
    }
  }

  async #certificate(version: VersionRow, isPatient: boolean, signal: AbortSignal): Promise<ParityCertificate> {
    const { db, versions, files, launcher, engineOf } = this.#parts;
    const { served, entry, modelDir, template } = await resolveModel(versions, version.project_id, version.id);
    const engine = engineOf(entry, served);
    if (isPatient) await untilQuiet(engine, signal);
    const run = await db
      .selectFrom('runs')
      .select(['training_file', 'validation_file'])
      .where('id', '=', version.run_id)
      .executeTakeFirstOrThrow();
    const prompts = await parityPrompts(files, version.project_id, run);
    const weights = await weightsOf(served);
    const limits = limitsOf(weights);
    const startMs = performance.now();
    const adapterDir = dirname(served.adapter!.file);
    const score = launcher.score.bind(launcher);
    const trainedTemplate = await templateInstead(modelDir, template);
    const measured = { engine, served, modelDir, template, adapterDir, prompts, limits, score, trainedModelDir: modelDir, trainedTemplate };
    const { failure, ...found } = await measureParity(measured, signal);
    return {
      ...nothingMeasured(version.id, version.adapter_sha256),
      ...found,
      ...limits,
      state: failure === null ? 'passed' : 'failed',
      reason: failure,
      measured_at: Math.floor(Date.now() / 1000),
      engine: engine.name,
      weights: weights.name,
      is_quantised: weights.isQuantised,
      seconds: (performance.now() - startMs) / 1000,
    };
  }

  async #keep(modelId: string, certificate: ParityCertificate): Promise<void> {
    const { state, adapter_sha256 } = certificate;
    const row = { state, adapter_sha256, certificate: JSON.stringify(certificate), updated_at: sql<Date>`now()` };
    await this.#parts.db
      .insertInto('version_parity')
      .values({ model_id: modelId, ...row })
      .onConflict((conflict) => conflict.column('model_id').doUpdateSet(row))
      .execute();
  }
}

/** The certificate of a version as its row has it; a row of weights that were replaced since says nothing. */
export function viewParity(version: VersionRow, row: Selectable<VersionParityTable> | null): ParityCertificate {
  const isOfThese = row !== null && row.adapter_sha256 === version.adapter_sha256;
  if (isOfThese && row.certificate) return row.certificate;
  const reason = 'its parity was never measured; POST /api/v1/models/{id}/parity measures it';
  return { ...nothingMeasured(version.id, version.adapter_sha256), reason };
}

function nothingMeasured(model: string, adapterSha256: string): ParityCertificate {
  return {
    object: 'model.parity',
    model,
    state: 'not_measured',
    reason: null,
    measured_at: null,
    adapter_sha256: adapterSha256,
    engine: null,
    weights: null,
    is_quantised: null,
    prompts: 0,
    equal_prompts: 0,
    places: 0,
    agreeing_places: 0,
    decided_places: 0,
    agreeing_decided_places: 0,
    tolerance: null,
    largest_difference: null,
    mean_difference: null,
    largest_allowed: null,
    mean_allowed: null,
    seconds: null,
    differences: [],
  };
}

/** As the engine reads them: GGUF, or for what llama.cpp cannot carry the very files that were trained on. */
async function weightsOf({ id, baseFile, adapter }: ServedVersion): Promise<GgufWeights> {
  if (adapter !== null && !adapter.file.endsWith('.gguf')) return { name: 'safetensors', isQuantised: false };
  if (baseFile === null) throw new PlatformError('model_refused', `"${id}" has no weights that could be compared`);
  return ggufWeights(baseFile);
}

async function untilQuiet(engine: Engine, signal: AbortSignal): Promise<void> {
  const startMs = performance.now();
  let busyMs = startMs;
  for (let nowMs = startMs; nowMs - busyMs < quiet.forMs && nowMs - startMs < quiet.mostMs; nowMs = performance.now()) {
    const { active, waiting } = await engine.status();
    if (active + waiting > 0) busyMs = performance.now();
    await wait(quiet.everyMs, undefined, { signal });
  }
}
