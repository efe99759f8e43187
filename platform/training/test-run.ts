/** For tests: a run's row as `submitRun` would leave it, without the models and files that it names. */
import { TrainingSettings } from '#contract/training.ts';
import { newId } from '#platform/core/ids.ts';
import type { RunConfig } from '#contract/training-run.ts';
import type { Db, RunRow } from './rows.ts';

export async function insertTestRun(
  db: Db,
  values: Partial<Pick<RunRow, 'state' | 'attempt' | 'lease_owner' | 'suffix' | 'project_id'>> = {},
): Promise<RunRow> {
  const config: RunConfig = {
    adapter: {
      type: 'lora',
      r: 16,
      lora_alpha: 32,
      use_rslora: false,
      use_dora: false,
      init_lora_weights: 'kaiming',
      quantization: null,
      lora_dropout: 0,
      target_modules: ['q_proj'],
      layers_to_transform: null,
    },
    method: { type: 'supervised' },
    settings: TrainingSettings.parse({}),
    chosen: [],
    learning_rate_multiplier: 1,
  };
  return db
    .insertInto('runs')
    .values({
      id: newId('ftjob-'),
      project_id: 'proj_default',
      state: 'queued',
      base_model: 'tiny',
      training_file: 'file-a',
      seed: 1,
      metadata: '{}',
      config: JSON.stringify(config),
      ...values,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}
