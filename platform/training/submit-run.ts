/** Accepts a fine-tuning job: everything that can be wrong is found before its row exists. */
import { createHash, randomInt } from 'node:crypto';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { requestProblem } from '#contract/openai/request-problem.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { newId } from '#platform/core/ids.ts';
import { requireBaseModel } from '#platform/models/base-models.ts';
import { checkTrainingFile } from './check-training-file.ts';
import { freezeConfig } from './freeze-config.ts';
import type { RunRow } from './rows.ts';
import type { Training } from './training.ts';
import { writeRun } from './write-run.ts';

/**
 * One row, queued. `body` is OpenAI's request with our `extensions`, as it came. The same idempotency key with the same body gives
 * the same run, however often and at once. Throws with the field's path in `param`: `model_not_found`, `model_not_ready`,
 * `file_not_found`, `invalid_training_file`, `unsupported_value`, `unsupported_parameter`, `invalid_request`; and
 * `idempotency_mismatch` when the key was used for another body.
 */
export async function submitRun(training: Training, projectId: string, body: unknown, idempotencyKey?: string): Promise<RunRow> {
  const request = parseRequest(body);
  const requestSha256 = createHash('sha256').update(canonicalJson(request)).digest('hex');
  const before = idempotencyKey === undefined ? null : await findSubmitted(training, projectId, idempotencyKey, requestSha256);
  if (before) return before;
  const model = await trainableModel(training, request.model);
  const maxSeqLength = request.extensions?.max_seq_length;
  const contextLength = typeof maxSeqLength === 'number' ? maxSeqLength : model.entry.context_length;
  const data = await checkTrainingFile(training, projectId, request.training_file, 'training_file', { ...model, contextLength });
  if (request.validation_file)
    await checkTrainingFile(training, projectId, request.validation_file, 'validation_file', { ...model, contextLength });
  const config = freezeConfig(request, model.entry, data);
  const row = await insertRun(
    training,
    {
      id: newId('ftjob-'),
      project_id: projectId,
      state: 'queued',
      base_model: request.model,
      training_file: request.training_file,
      validation_file: request.validation_file ?? null,
      suffix: request.suffix ?? null,
      seed: request.seed ?? randomInt(2 ** 31),
      metadata: JSON.stringify(request.metadata ?? {}),
      config: JSON.stringify(config),
      idempotency_key: idempotencyKey ?? null,
      request_sha256: idempotencyKey === undefined ? null : requestSha256,
    },
    `Job created: ${data.rows} rows to train ${request.model} on`,
  );
  const submitted = row ?? (await findSubmitted(training, projectId, idempotencyKey!, requestSha256))!;
  training.toDo.raise();
  return submitted;
}

function parseRequest(body: unknown): FineTuningJobRequest {
  const parsed = FineTuningJobRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  const { code, message, param } = requestProblem(parsed.error);
  throw new PlatformError(code, message, { param });
}

async function trainableModel(training: Training, id: string) {
  const param = 'model';
  if (id.startsWith('ft:')) {
    throw new PlatformError(
      'unsupported_value',
      `model: ${id} is a fine-tuned model, and further training of one is not served; give its base model`,
      { param },
    );
  }
  const model = await requireBaseModel(training.baseModels, id);
  if (model.entry.source.type !== 'scripted') return model;
  throw new PlatformError('unsupported_value', `model: ${id} has no weights and cannot be trained`, { param });
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
): Promise<RunRow | null> {
  return training.db.transaction().execute(async (db) => {
    const inserted = await db
      .insertInto('runs')
      .values(values)
      .onConflict((conflict) => conflict.columns(['project_id', 'idempotency_key']).doNothing())
      .returning('id')
      .executeTakeFirst();
    return inserted ? writeRun(db, { id: inserted.id }, {}, [{ type: 'run-created', message }]) : null;
  });
}

/** Same content, same text, whatever the order of the fields. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`)
    .join(',')}}`;
}
