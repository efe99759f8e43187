/** Refuses data that cannot be trained on, with all of its rows that are wrong, before anything is started. */
import type { RowKind } from '#contract/row-formats.ts';
import { checkRows, describeProblems } from '#platform/data/check-rows.ts';
import { rowTokenCounter } from '#platform/data/row-tokens.ts';
import { sharedRowTokenizer } from '#platform/data/row-tokenizers.ts';
import { prepareTrainingData } from '#platform/data/training-data.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { TrainingData } from './freeze-config.ts';
import type { Training } from './training.ts';

/** Larger files are checked in their structure here, and by tokens in the worker's checking phase: counting a MiB takes about a second. */
const mostCountedBytes = 4 * 2 ** 20;

/**
 * `reference` is the id of a file or names a version of a dataset; `kinds` are what the method learns from, and a file of another format of them is converted. `template` is the
 * source of the chat template, when it is not the model's own; `refuse` says what else is wrong with a row. Throws `file_not_found`, `dataset_not_found` and `invalid_training_file`
 * with `param`.
 */
export async function checkTrainingFile(
  training: Training,
  projectId: string,
  reference: string,
  param: 'training_file' | 'validation_file',
  model: { modelDir: string; contextLength: number; template?: string | undefined },
  kinds: readonly RowKind[],
  refuse?: (row: unknown) => string | null,
): Promise<TrainingData> {
  const data = await prepareTrainingData(training.files, projectId, reference, kinds).catch((error: unknown) => {
    if (!(error instanceof PlatformError) || error.param !== null || error.status >= 500) throw error;
    const message = error.code === 'invalid_training_file' ? `${param}: ${error.message}` : error.message;
    throw new PlatformError(error.code, message, { param, cause: error });
  });
  const countTokens =
    data.bytes <= mostCountedBytes ? rowTokenCounter(await sharedRowTokenizer(model.modelDir, model.template)) : undefined;
  const result = await checkRows(await data.open(), { contextLength: model.contextLength, countTokens, kinds, refuse });
  if (result.problemCount > 0) throw new PlatformError('invalid_training_file', describeProblems(data.name, result), { param });
  // Of a question nothing is learnt but what the model makes of it.
  const trainedTokens = kinds[0] === 'prompt' ? null : result.trainedTokens;
  return { id: data.id, convertedFrom: data.isConverted ? data.format : null, rows: result.rows, trainedTokens };
}
