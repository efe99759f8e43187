import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { RunConfig } from '#contract/training-run.ts';
import { TrainingSettings } from '#contract/training.ts';
import { LoraAdapter } from '#contract/adapter.ts';
import { expect, it } from 'vitest';
import { emptyDraft, requestOf } from './draft.ts';
import { differencesFrom, draftOfRun } from './draft-of-run.ts';

const config = RunConfig.parse({
  adapter: LoraAdapter.parse({ type: 'lora', r: 8, target_modules: ['q_proj', 'v_proj'], layers_to_transform: null }),
  method: { type: 'supervised' },
  settings: TrainingSettings.parse({ n_epochs: 3, learning_rate: 0.0015, batch_size: 8, eval_steps: 5, max_seconds: 90, max_cost: 0.25 }),
  chosen: [
    { field: 'n_epochs', value: 3, why: 'few rows' },
    { field: 'adapter.layers_to_transform', value: null, why: 'all' },
  ],
  learning_rate_multiplier: 1,
  probes: {
    enabled: true,
    prompts: [{ id: 'probe-1', origin: 'chosen', messages: [{ role: 'user', content: 'Who?' }], reference: 'I.' }],
    automatic: false,
    max_tokens: 48,
    budget_share: 0.05,
  },
});
const run = { model: 'tiny', training_file: 'file-1', validation_file: 'file-2', seed: 7, config };

it('says outright what the run was frozen to, what was chosen for it as well as what was given', () => {
  const draft = draftOfRun(run);
  expect(draft).toMatchObject({ model: 'tiny', validationFile: 'file-2', seed: '7', budgetMinutes: '1.5', budgetDollars: '0.25' });
  expect(draft.settings).toEqual({
    n_epochs: '3',
    learning_rate: '0.0015',
    batch_size: '8',
    eval_steps: '5',
    'adapter.r': '8',
    'adapter.target_modules': 'q_proj, v_proj',
    'adapter.layers_to_transform': 'null',
  });
  const request = FineTuningJobRequest.parse(requestOf(draft));
  expect(request.extensions).toMatchObject({ max_seconds: 90, max_cost: 0.25, n_epochs: 3, adapter: { layers_to_transform: null } });
  expect(request.extensions?.probes).toMatchObject({ automatic: false, prompts: [{ prompt: 'Who?', reference: 'I.' }] });
});

it('tells what a draft would do otherwise, and nothing of a draft that is the same', () => {
  const draft = draftOfRun(run);
  expect(differencesFrom(draft, run)).toEqual([]);
  expect(differencesFrom({ ...draft, settings: { ...draft.settings, learning_rate: '1.5e-3' } }, run)).toEqual([]);
  const { eval_steps: _, n_epochs: __, ...others } = draft.settings;
  const changed = { ...draft, seed: '', settings: { ...others, 'adapter.r': '16', lr_scheduler_type: 'linear' } };
  expect(differencesFrom(changed, run)).toEqual([
    { name: 'seed', ofDraft: 'drawn', ofRun: '7' },
    { name: 'eval_steps', ofDraft: 'auto', ofRun: '5' },
    { name: 'adapter.r', ofDraft: '16', ofRun: '8' },
    { name: 'lr_scheduler_type', ofDraft: 'linear', ofRun: 'cosine' },
  ]);
  expect(differencesFrom(emptyDraft, run).map(({ name }) => name)).toContain('model');
});
