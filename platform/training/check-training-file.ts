/** Refuses a file that cannot be trained on, with all of its rows that are wrong, before anything is started. */
import { checkRows, describeProblems } from '#platform/data/check-rows.ts';
import { getFile, openFile } from '#platform/data/files.ts';
import { rowTokenCounter } from '#platform/data/row-tokens.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { TrainingData } from './freeze-config.ts';
import type { Training } from './training.ts';

/** Larger files are checked in their structure here, and by tokens in the worker's checking phase: counting a MiB takes about a second. */
const mostCountedBytes = 4 * 2 ** 20;

/** Throws `file_not_found` and `invalid_training_file` with `param`. */
export async function checkTrainingFile(
  training: Training,
  projectId: string,
  fileId: string,
  param: 'training_file' | 'validation_file',
  model: { modelDir: string; contextLength: number },
): Promise<TrainingData> {
  const file = await getFile(training.files, projectId, fileId).catch((error: unknown) => {
    throw error instanceof PlatformError && error.code === 'file_not_found'
      ? new PlatformError(error.code, error.message, { param })
      : error;
  });
  if (file.purpose !== 'fine-tune') {
    const message = `${param}: ${file.filename} was uploaded with purpose "${file.purpose}"; upload it with purpose "fine-tune"`;
    throw new PlatformError('invalid_training_file', message, { param });
  }
  const countTokens = file.bytes <= mostCountedBytes ? await rowTokenCounter(model.modelDir) : undefined;
  const body = await openFile(training.files, projectId, fileId);
  const result = await checkRows(body, { contextLength: model.contextLength, countTokens });
  if (result.problemCount > 0) throw new PlatformError('invalid_training_file', describeProblems(file.filename, result), { param });
  return { rows: result.rows, trainedTokens: result.trainedTokens };
}
