/** Accepts a fine-tuning job: everything that can be wrong is found before its row exists. */
import { createHash, randomInt } from 'node:crypto';
import type { JobIntegration } from '#contract/openai/integrations.ts';
import { canonicalJson } from '#platform/core/canonical-json.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { failpoint } from '#platform/core/failpoint.ts';
import { newId } from '#platform/core/ids.ts';
import { checkJob, parseJobRequest } from './check-job.ts';
import { requirePlanOf } from './plans.ts';
import { shortened } from './probes.ts';
import type { RunRow } from './rows.ts';
import type { Training } from './training.ts';
import { writeRun, type NewEvent } from './write-run.ts';

/**
 * One row, queued. `body` is OpenAI's request with our `extensions`, as it came. The same idempotency key with the same body gives
 * the same run, however often and at once. Throws with the field's path in `param`: `model_not_found`, `model_not_ready`,
 * `file_not_found`, `invalid_training_file`, `unsupported_value`, `unsupported_parameter`, `invalid_request`, `plan_not_found`; and
 * `idempotency_mismatch` when the key was used for another body.
 */
export async function submitRun(training: Training, projectId: string, body: unknown, idempotencyKey?: string): Promise<RunRow> {
  const request = parseJobRequest(body);
  const requestSha256 = createHash('sha256').update(canonicalJson(request)).digest('hex');
  const before = idempotencyKey === undefined ? null : await findSubmitted(training, projectId, idempotencyKey, requestSha256);
  if (before) return before;
  requireTrackers(training, request.integrations ?? []);
  const { data, validation, config } = await checkJob(training, projectId, request);
  const planned = { base_model: request.model, training_file: data.id, validation_file: validation?.id ?? null, config };
  if (request.extensions?.plan !== undefined) await requirePlanOf(training, projectId, request.extensions.plan, planned);
  const row = await insertRun(
    training,
    {
      id: newId('ftjob-'),
      project_id: projectId,
      state: 'queued',
      base_model: planned.base_model,
      training_file: planned.training_file,
      validation_file: planned.validation_file,
      suffix: request.suffix ?? null,
      seed: request.seed ?? randomInt(2 ** 31),
      metadata: JSON.stringify(request.metadata ?? {}),
      config: JSON.stringify(config),
      integrations: JSON.stringify(request.integrations ?? []),
      plan_id: request.extensions?.plan ?? null,
      idempotency_key: idempotencyKey ?? null,
      request_sha256: idempotencyKey === undefined ? null : requestSha256,
    },
    `Job created: ${data.rows} rows${data.convertedFrom === null ? '' : `, converted from ${data.convertedFrom},`} to train ${request.model} on`,
    (config.probes?.prompts ?? []).map((probe) => ({ type: 'probe-added', message: `Probe: ${shortened(probe)}`, data: { probe } })),
  );
  const submitted = row ?? (await findSubmitted(training, projectId, idempotencyKey!, requestSha256))!;
  training.toDo.raise();
  return submitted;
}

function requireTrackers({ trackers = [] }: Training, integrations: JobIntegration[]): void {
  const missing = integrations.find(({ type }) => !trackers.some(({ name }) => name === type));
  if (!missing) return;
  const message = `integrations: ${missing.type} is not configured on this server; its operator can add it to TUNELOOP_TRACKERS`;
  throw new PlatformError('invalid_request', message, { param: 'integrations' });
}

/** Null when the key is new. Throws `idempotency_mismatch`. */
async function findSubmitted(training: Training, projectId: string, key: string, requestSha256: string): Promise<RunRow | null> {
  const row = await training.db
    .selectFrom('runs')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('idempotency_key', '=', key)
    .executeTakeFirst();
  if (!row) return null;
  if (row.request_sha256 === requestSha256) return row;
  throw new PlatformError(
    'idempotency_mismatch',
    `This Idempotency-Key made job ${row.id} from another request; use a new key for a new job.`,
  );
}

/** With its first event, or not at all; null when another request with the same key came first. */
async function insertRun(
  training: Training,
  values: Parameters<ReturnType<typeof training.db.insertInto<'runs'>>['values']>[0],
  message: string,
  chosen: NewEvent[],
): Promise<RunRow | null> {
  const stored = await training.db.transaction().execute(async (db) => {
    const inserted = await db
      .insertInto('runs')
      .values(values)
      .onConflict((conflict) => conflict.columns(['project_id', 'idempotency_key']).doNothing())
      .returning('id')
      .executeTakeFirst();
    const row = inserted ? await writeRun(db, { id: inserted.id }, {}, [{ type: 'run-created', message }, ...chosen]) : null;
    failpoint('job-before-commit');
    return row;
  });
  failpoint('job-after-commit');
  return stored;
}
