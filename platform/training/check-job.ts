/** What a job would be: its request, read and checked against model and files, with everything decided that the caller left open. */
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { rowKindsOf, type GrpoMethod } from '#contract/method.ts';
import { requestProblem } from '#contract/openai/request-problem.ts';
import type { RunConfig } from '#contract/training-run.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { pythonGraders, type PythonPart, requirePythonGraders } from '#platform/core/grader-sandbox.ts';
import { instructionTemplate } from '#platform/core/instruction-template.ts';
import { requireBaseModel } from '#platform/models/base-models.ts';
import { requireRewardModel } from '#platform/models/reward-models.ts';
import { checkTrainingFile } from './check-training-file.ts';
import { freezeConfig, type TrainingData } from './freeze-config.ts';
import { freezeMethod } from './freeze-method.ts';
import { gradedFields, missingField } from './graded-fields.ts';
import type { Training } from './training.ts';

/** Throws `invalid_request`, `unsupported_value` and `unsupported_parameter` with the field's path in `param`. */
export function parseJobRequest(body: unknown): FineTuningJobRequest {
  const parsed = FineTuningJobRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  const { code, message, param } = requestProblem(parsed.error);
  throw new PlatformError(code, message, { param });
}

/**
 * Throws with the field's path in `param`: `model_not_found`, `model_not_ready`, `file_not_found`, `invalid_training_file`,
 * `unsupported_value`, `invalid_request`, `artifact_corrupt`.
 */
export async function checkJob(
  training: Training,
  projectId: string,
  request: FineTuningJobRequest,
): Promise<{ data: TrainingData; validation: TrainingData | null; config: RunConfig }> {
  const model = await trainableModel(training, request.model);
  const maxSeqLength = request.extensions?.max_seq_length;
  const contextLength = typeof maxSeqLength === 'number' ? maxSeqLength : model.entry.context_length;
  const rendering = { ...model, contextLength, template: chatTemplateOf(request.extensions?.prompt_template) };
  const method = freezeMethod(request);
  if (method.type === 'ppo') {
    const base = { id: request.model, sha256: model.baseSha256 };
    await requireRewardModel(training.versions, projectId, method.reward_model, base);
  }
  const kinds = rowKindsOf[method.type];
  if (method.type === 'grpo') await requirePythonGraders(training.graderSandbox ?? [], codeOf(method, request));
  const from = request.method?.type === 'reinforcement' ? 'method.reinforcement.grader' : 'extensions.method';
  const fields = method.type === 'grpo' ? gradedFields(method, from) : [];
  const check = (file: string, param: 'training_file' | 'validation_file') =>
    checkTrainingFile(training, projectId, file, param, rendering, kinds, (row) => missingField(row, fields));
  const data = await check(request.training_file, 'training_file');
  const validation = request.validation_file ? await check(request.validation_file, 'validation_file') : null;
  return { data, validation, config: freezeConfig(request, model.entry, data, training.costPerHour) };
}

/** The rules that are code, each by its path in the request. */
function codeOf({ formula }: GrpoMethod, { method }: FineTuningJobRequest): PythonPart[] {
  const grader = method?.type === 'reinforcement' ? method.reinforcement?.grader : undefined;
  if (grader) return pythonGraders(grader, 'method.reinforcement.grader');
  return Object.entries(formula?.rules ?? {}).flatMap(([name, rule]) =>
    rule.type === 'python' ? [{ source: rule.source, path: `extensions.method.formula.rules.${name}` }] : [],
  );
}

/** Undefined is the model's own, where it has one. */
const chatTemplateOf = (choice: string | undefined): string | undefined => (choice === 'instruction' ? instructionTemplate : undefined);

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
