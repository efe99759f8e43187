import { describe, expect, it } from 'vitest';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import type { ModelEntry } from '#contract/model.ts';
import { catalogFolder, readCatalog } from '#platform/models/catalog.ts';
import { freezeConfig } from './freeze-config.ts';

const model: ModelEntry = readCatalog([catalogFolder]).find((entry) => entry.id === 'smollm2-135m-instruct')!;

function frozen(fields: object) {
  const request = FineTuningJobRequest.parse({ model: model.id, training_file: 'file-1', ...fields });
  return freezeConfig(request, model, { id: 'file-1', convertedFrom: null, rows: 100, trainedTokens: 2000 });
}

describe('the method of a run', () => {
  it('is supervised when nothing is said', () => {
    expect(frozen({}).method).toEqual({ type: 'supervised' });
  });

  it("is OpenAI's preference training with its beta", () => {
    const hyperparameters = { beta: 0.3, n_epochs: 2 };
    const { method, settings } = frozen({ method: { type: 'dpo', dpo: { hyperparameters } } });
    expect(method).toEqual({ type: 'dpo', beta: 0.3, loss_type: 'sigmoid', label_smoothing: 0, rpo_alpha: 0 });
    expect(settings.n_epochs).toBe(2);
  });

  it('may be named in the extensions, with options that OpenAI has no word for', () => {
    const extensions = { method: { type: 'dpo', loss_type: 'ipo', beta: 'auto' } };
    expect(frozen({ method: { type: 'dpo' }, extensions }).method).toMatchObject({ loss_type: 'ipo', beta: 0.1 });
    expect(frozen({ extensions: { method: { type: 'simpo' } } }).method).toEqual({ type: 'simpo', beta: 2, gamma: 1, sft_alpha: 0 });
  });

  it('has a lower rate and whole prompts chosen for it, each with its reason', () => {
    const { settings, chosen } = frozen({ method: { type: 'dpo' } });
    expect(settings.learning_rate).toBeLessThan(frozen({}).settings.learning_rate);
    expect(settings.prompt_dropout).toBe(0);
    expect(chosen.find(({ field }) => field === 'learning_rate')?.why).toContain('supervised training');
  });

  it.each([
    [{ method: { type: 'supervised' }, extensions: { method: { type: 'orpo' } } }, 'extensions.method.type'],
    [
      { method: { type: 'dpo', dpo: { hyperparameters: { beta: 0.2 } } }, extensions: { method: { type: 'dpo', beta: 0.1 } } },
      'extensions.method.beta',
    ],
    [{ method: { type: 'dpo' }, extensions: { prompt_dropout: 0.2 } }, 'extensions.prompt_dropout'],
    [{ extensions: { method: { type: 'kto' }, batch_size: 1 } }, 'extensions.batch_size'],
    [{ extensions: { method: { type: 'reward' }, probes: { prompts: [{ prompt: 'Who?' }] } } }, 'extensions.probes.prompts'],
    [{ extensions: { method: { type: 'reward' }, adapter: { type: 'ia3' } } }, 'extensions.adapter.type'],
    [{ extensions: { method: { type: 'ppo', reward_model: 'ft:x' }, adapter: { use_dora: true } } }, 'extensions.adapter.use_dora'],
    [{ extensions: { adapter: { init_lora_weights: 'orthogonal', r: 7 } } }, 'extensions.adapter.r'],
  ])('refuses %j at %s', (fields, param) => {
    expect(() => frozen(fields)).toThrow(expect.objectContaining({ code: 'invalid_request', param }));
  });
});
