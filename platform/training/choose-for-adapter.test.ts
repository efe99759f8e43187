import { describe, expect, it } from 'vitest';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import type { RunConfig } from '#contract/training-run.ts';
import { catalogFolder, readCatalog } from '#platform/models/catalog.ts';
import { freezeConfig } from './freeze-config.ts';

const catalog = readCatalog([catalogFolder]);

function freeze(extensions: object, model = 'smollm2-135m-instruct'): RunConfig {
  const request = FineTuningJobRequest.parse({ model, training_file: 'file-1', extensions });
  const entry = catalog.find(({ id }) => id === model)!;
  return freezeConfig(request, entry, { id: 'file-1', convertedFrom: null, rows: 100, trainedTokens: null });
}

describe('what "auto" is for each kind of adapter', () => {
  it('is another rate, said with its reason', () => {
    const rateOf = (type: string): number => freeze({ adapter: { type } }).settings.learning_rate;
    expect(rateOf('full')).toBeLessThan(rateOf('lora') / 5);
    for (const type of ['ia3', 'prompt_tuning', 'prefix_tuning', 'adaption_prompt'])
      expect(rateOf(type)).toBeGreaterThan(rateOf('lora') * 3);
    const { chosen, settings } = freeze({ adapter: { type: 'ia3' } });
    expect(chosen.find(({ field }) => field === 'learning_rate')).toMatchObject({
      value: settings.learning_rate,
      why: expect.stringContaining('the rate for LoRA'),
    });
    expect(freeze({ adapter: { type: 'ia3' }, learning_rate: 0.001 }).settings.learning_rate).toBe(0.001);
  });

  it('is what the model has, and follows what was given', () => {
    expect(freeze({ adapter: { type: 'ia3' } }).adapter).toEqual({
      type: 'ia3',
      target_modules: ['k_proj', 'v_proj', 'down_proj'],
      feedforward_modules: ['down_proj'],
    });
    expect(freeze({ adapter: { type: 'ia3', target_modules: ['q_proj'] } }).adapter).toMatchObject({ feedforward_modules: [] });
    expect(freeze({ adapter: { type: 'ia3' } }, 'falcon-7b').adapter).toMatchObject({ target_modules: ['query_key_value', 'dense'] });
    expect(freeze({ adapter: { type: 'adaption_prompt' } }, 'llama-2-7b').adapter).toMatchObject({ adapter_layers: 30 });
    expect(freeze({ adapter: { type: 'full' } }).adapter).toEqual({ type: 'full' });
    expect(freeze({ adapter: { use_dora: true } }).adapter).toMatchObject({ type: 'lora', use_dora: true, r: 16 });
  });
});

it.each([
  [{ adapter: { use_dora: true, quantization: 'nf4' } }, 'extensions.adapter.use_dora'],
  [{ adapter: { type: 'full' }, method: { type: 'dpo' } }, 'extensions.adapter.type'],
  [{ adapter: { type: 'full' }, method: { type: 'grpo' } }, 'extensions.adapter.type'],
  [{ adapter: { type: 'ia3', target_modules: ['q_proj'], feedforward_modules: ['down_proj'] } }, 'extensions.adapter.feedforward_modules'],
  [{ adapter: { type: 'adaption_prompt', adapter_layers: 31 } }, 'extensions.adapter.adapter_layers'],
  [{ adapter: { type: 'prefix_tuning' }, gradient_checkpointing: true }, 'extensions.gradient_checkpointing'],
])('what does not go together is refused with the path of the field: %j', (extensions, param) => {
  expect(() => freeze(extensions)).toThrow(expect.objectContaining({ code: 'invalid_request', param }));
});

it('adaption prompts are refused for families that cannot have them', () => {
  expect(() => freeze({ adapter: { type: 'adaption_prompt' } }, 'falcon-7b')).toThrow(/llama and mistral models/);
});
