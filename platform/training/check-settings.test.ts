import { expect, it } from 'vitest';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import type { ModelEntry } from '#contract/model.ts';
import { catalogFolder, readCatalog } from '#platform/models/catalog.ts';
import { freezeConfig } from './freeze-config.ts';

const model: ModelEntry = readCatalog([catalogFolder]).find((entry) => entry.id === 'smollm2-135m-instruct')!;
const validation_file = 'file-2';

function frozen(fields: object, costPerHour?: number) {
  const request = FineTuningJobRequest.parse({ model: model.id, training_file: 'file-1', ...fields });
  return freezeConfig(request, model, { id: 'file-1', convertedFrom: null, rows: 100, trainedTokens: 2000 }, costPerHour).settings;
}

it.each([
  [{ early_stopping_patience: 3 }, 'early_stopping_patience', 'validation_file'],
  [{ early_stopping_patience: 3, eval_strategy: 'no', validation_file }, 'early_stopping_patience', 'eval_strategy is "no"'],
  [{ early_stopping_threshold: 0.1, validation_file }, 'early_stopping_threshold', 'early_stopping_patience'],
  [{ load_best_model_at_end: true }, 'load_best_model_at_end', 'validation_file'],
  [{ eval_strategy: 'steps', validation_file }, 'eval_steps', 'needs to know how many'],
  [{ eval_strategy: 'epoch', eval_steps: 5, validation_file }, 'eval_steps', 'does not count steps'],
  [{ max_cost: 1 }, 'max_cost', 'TUNELOOP_COST_PER_HOUR'],
  [{ warmup_steps: 20, max_steps: 20 }, 'warmup_steps', 'nothing but rise'],
  [{ lr_num_cycles: 3 }, 'lr_num_cycles', 'cosine_with_restarts has'],
  [{ lr_min_rate: 0.5, lr_scheduler_type: 'linear' }, 'lr_min_rate', '"linear" has no use for it'],
  [{ attn_implementation: 'flash_attention_2', precision: 'fp32' }, 'attn_implementation', 'bf16 or fp16'],
  [{ neftune_noise_alpha: 5, method: { type: 'orpo' } }, 'neftune_noise_alpha', 'orpo goes without'],
])('refuses %j at its field', ({ validation_file: validation, ...extensions }: Record<string, unknown>, field, why) => {
  const param = `extensions.${field}`;
  const refused = expect.objectContaining({ code: 'invalid_request', param, message: expect.stringContaining(why) });
  expect(() => frozen({ ...(validation ? { validation_file: validation } : {}), extensions })).toThrow(refused);
});

it('takes what goes together', () => {
  const extensions = {
    early_stopping_patience: 3,
    early_stopping_threshold: 0.01,
    load_best_model_at_end: true,
    eval_strategy: 'steps',
    eval_steps: 10,
    lr_scheduler_type: 'warmup_stable_decay',
    lr_decay_ratio: 0.3,
    warmup_steps: 4,
    max_cost: 0.5,
    max_seconds: 600,
  };
  expect(frozen({ validation_file, extensions }, 0.04)).toMatchObject(extensions);
});
