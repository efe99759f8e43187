/** Trains a version again from its receipt: the same bytes come out where base, rows, libraries and threads are the same. */
import type { ModelReceipt, ReplayRequest } from '#contract/receipt.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { fileSha256 } from '#platform/core/file-sha256.ts';
import { getFile } from '#platform/data/files.ts';
import { findTrainingData, trainingDataPath } from '#platform/data/training-data.ts';
import { requireBaseModel } from '#platform/models/base-models.ts';
import { receiptSha256 } from './receipts.ts';
import type { RunRow } from './rows.ts';
import { submitRun } from './submit-run.ts';
import type { Training } from './training.ts';

/**
 * A queued run with every setting as the receipt has it. Throws `invalid_request` for a receipt that was changed, or a file that is
 * not the one it names; `file_not_found` when no file here has its bytes; `model_refused` for other weights of the base model;
 * `invalid_state` for a run that was stopped early; and what submitting throws.
 */
export async function replayRun(training: Training, projectId: string, request: ReplayRequest): Promise<RunRow> {
  const { receipt } = request;
  if (receiptSha256(receipt) !== receipt.sha256) {
    throw new PlatformError('invalid_request', 'receipt: it was changed since it was written; its SHA-256 does not fit', {
      param: 'receipt',
    });
  }
  if (receipt.run.stopped_early && receipt.kind === 'adapter') {
    const message = `${receipt.model} was stopped by a person before its last step: no configuration makes it again; replay one of its checkpoints`;
    throw new PlatformError('invalid_state', message, { param: 'receipt' });
  }
  const base = await requireBaseModel(training.baseModels, receipt.base.model);
  if (base.baseSha256 !== receipt.base.sha256) {
    throw new PlatformError('model_refused', `${receipt.base.model} has other weights on this machine than those that were trained on`, {
      param: 'receipt.base',
    });
  }
  const trainingFile = await findFile(training, projectId, 'training_file', receipt.training, request.training_file);
  const validationFile =
    receipt.validation && (await findFile(training, projectId, 'validation_file', receipt.validation, request.validation_file));
  return submitRun(training, projectId, {
    model: receipt.base.model,
    training_file: trainingFile,
    validation_file: validationFile,
    suffix: 'replay',
    seed: receipt.seed,
    extensions: {
      ...receipt.config.settings,
      threads: receipt.threads ?? receipt.config.settings.threads,
      // It ended within them; another machine is slower, or has no price.
      max_seconds: null,
      max_cost: null,
      adapter: receipt.config.adapter,
      method: receipt.config.method,
    },
  });
}

async function findFile(
  training: Training,
  projectId: string,
  param: 'training_file' | 'validation_file',
  wanted: ModelReceipt['training'],
  given: string | undefined,
): Promise<string> {
  if (wanted.sha256 === null) {
    throw new PlatformError('invalid_request', `receipt: it is of a time before the bytes of the ${param} were recorded`, { param });
  }
  if (given !== undefined) {
    const sha256 = await fileSha256(await trainingDataPath(training.files, projectId, given));
    if (sha256 === wanted.sha256) return given;
    throw new PlatformError('invalid_request', `${param}: ${given} has other bytes than the file that was trained on`, { param });
  }
  const found = await training.db
    .selectFrom('files')
    .select('id')
    .where('project_id', '=', projectId)
    .where('sha256', '=', wanted.sha256)
    .where('purpose', '=', 'fine-tune')
    .orderBy('created_at', 'desc')
    .execute();
  for (const { id } of found) {
    // An expired file is still a row for a while.
    if (await getFile(training.files, projectId, id).catch(() => null)) return id;
  }
  const sameRows = await findTrainingData(training.files, projectId, wanted.sha256, wanted.file);
  if (sameRows !== null) return sameRows;
  const name = wanted.filename ?? wanted.file;
  throw new PlatformError('file_not_found', `no file here has the bytes of ${name} (SHA-256 ${wanted.sha256}): upload it and give its id`, {
    param,
  });
}
