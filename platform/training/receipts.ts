/** The receipt of a version: read from rows and files that never change once it is made. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { z } from 'zod';
import type { ParityCertificate } from '#contract/parity.ts';
import type { ModelReceipt } from '#contract/receipt.ts';
import { WorkerEvent } from '#contract/worker.ts';
import { canonicalJson } from '#platform/core/canonical-json.ts';
import type { VersionRow } from '#platform/models/versions.ts';
import { readArtifactManifest } from './artifact.ts';
import type { Db, RunEventRow, RunRow } from './rows.ts';

interface ReceiptParts {
  db: Db;
  dataDir: string;
  /** What an hour of this machine costs in USD. */
  costPerHour: number | undefined;
}

type EventOf<Type extends WorkerEvent['type']> = Extract<z.output<typeof WorkerEvent>, { type: Type }>;
const told = ['run-started', 'data-checked', 'environment-recorded', 'checkpoint-saved', 'run-ended'] as const;

/** Throws `artifact_corrupt` when the version's manifest is not the one that its run committed. */
export async function makeReceipt(parts: ReceiptParts, version: VersionRow, parity: ParityCertificate): Promise<ModelReceipt> {
  const run = await parts.db.selectFrom('runs').selectAll().where('id', '=', version.run_id).executeTakeFirstOrThrow();
  const rows = await parts.db
    .selectFrom('run_events')
    .selectAll()
    .where('run_id', '=', run.id)
    .where('type', 'in', told)
    .orderBy('seq')
    .execute();
  const events = new Events(rows);
  const manifest = await readArtifactManifest(join(parts.dataDir, version.path), version.manifest_sha256);
  const receipt: Omit<ModelReceipt, 'sha256' | 'parity'> = {
    object: 'model.receipt',
    version: 1,
    model: version.id,
    kind: version.is_final ? 'adapter' : 'checkpoint',
    step: version.step,
    created_at: Math.floor(version.created_at.getTime() / 1000),
    base: { model: version.base_model, sha256: manifest.base_sha256 },
    ...(await describeData(parts.db, run, events)),
    config: run.config,
    seed: run.seed,
    run: describeRun(run, events, parts.costPerHour),
    ...describeMachine(events),
    ...describeResult(version, events),
    artifact: {
      manifest_sha256: version.manifest_sha256,
      adapter_sha256: version.adapter_sha256,
      config_sha256: manifest.config_sha256,
      files: manifest.files,
    },
  };
  return { ...receipt, parity, sha256: receiptSha256(receipt) };
}

/** What the field `sha256` of a receipt says: anything but its parity that is changed later shows. */
export function receiptSha256(receipt: Omit<ModelReceipt, 'sha256' | 'parity'> & { sha256?: string; parity?: unknown }): string {
  const { sha256: _, parity: __, ...content } = receipt;
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

/** The last event of each type: a later attempt says again what it found. */
class Events {
  readonly #rows: RunEventRow[];

  constructor(rows: RunEventRow[]) {
    this.#rows = rows;
  }

  last<Type extends (typeof told)[number]>(
    type: Type,
    isIt: (data: Record<string, unknown>) => boolean = () => true,
  ): EventOf<Type> | null {
    const row = this.#rows.findLast((one) => one.type === type && isIt(one.data));
    // As the worker wrote it; stored without its place in the file.
    return row ? (WorkerEvent.parse({ ...row.data, type, seq: 1, at: row.at.getTime() / 1000 }) as EventOf<Type>) : null;
  }
}

async function describeData(db: Db, run: RunRow, events: Events): Promise<Pick<ModelReceipt, 'training' | 'validation'>> {
  const recorded = events.last('environment-recorded');
  const nameOf = async (id: string): Promise<string | null> =>
    (await db.selectFrom('files').select('filename').where('id', '=', id).executeTakeFirst())?.filename ?? null;
  const describe = async (file: string, sha256: string | null, rows: number | null) => {
    return { file, filename: await nameOf(file), sha256, rows };
  };
  const { training_file, validation_file } = run;
  return {
    training: await describe(training_file, recorded?.training_sha256 ?? null, events.last('data-checked')?.rows ?? null),
    validation:
      validation_file === null
        ? null
        : await describe(validation_file, recorded?.validation_sha256 ?? null, recorded?.validation_rows ?? null),
  };
}

function describeRun(run: RunRow, events: Events, costPerHour: number | undefined): ModelReceipt['run'] {
  const ended = events.last('run-ended');
  const seconds = run.started_at && run.finished_at ? (run.finished_at.getTime() - run.started_at.getTime()) / 1000 : null;
  return {
    id: run.id,
    attempts: run.attempt,
    total_steps: run.total_steps,
    // What stops by its loss stops there again.
    stopped_early: (ended?.stopped_early ?? false) && ended?.stop?.cause !== 'early_stopping',
    trained_tokens: run.trained_tokens,
    seconds,
    peak_memory_bytes: ended?.peak_memory_bytes ?? null,
    energy_joules: null,
    cost_usd: seconds === null || costPerHour === undefined ? null : (seconds / 3600) * costPerHour,
  };
}

function describeMachine(events: Events): Pick<ModelReceipt, 'device' | 'threads' | 'precision' | 'environment'> {
  const started = events.last('run-started');
  return {
    device: started?.device ?? null,
    threads: started?.threads ?? null,
    precision: started?.precision ?? null,
    environment: events.last('environment-recorded')?.environment ?? null,
  };
}

function describeResult(version: VersionRow, events: Events): Pick<ModelReceipt, 'train_loss' | 'evaluation'> {
  const result = version.is_final ? events.last('run-ended') : events.last('checkpoint-saved', ({ step }) => step === version.step);
  return { train_loss: result?.train_loss ?? null, evaluation: result?.evaluation ?? null };
}
