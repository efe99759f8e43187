import { describe, expect, it } from 'vitest';
import type { RunConfig } from '#contract/training-run.ts';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { catalogFolder, readCatalog } from '#platform/models/catalog.ts';
import { freezeConfig } from './freeze-config.ts';

const model = readCatalog([catalogFolder]).find((entry) => entry.id === 'smollm2-135m-instruct')!;

function frozen(extensions: object): RunConfig {
  const request = FineTuningJobRequest.parse({ model: model.id, training_file: 'file-1', extensions });
  return freezeConfig(request, model, { id: 'file-1', convertedFrom: null, rows: 100, trainedTokens: 2000 });
}

describe('the quick lane', () => {
  it('is taken only by who asks for it', () => {
    expect(frozen({})).toMatchObject({ settings: { speed: 'full' }, adapter: { layers_to_transform: null } });
  });

  it('adapts the top layers alone, at a higher rate, on rows that are the same in every epoch, and says why', () => {
    const { adapter, settings, chosen } = frozen({ speed: 'quick' });
    expect(adapter).toMatchObject({ type: 'lora', layers_to_transform: [20, 21, 22, 23, 24, 25, 26, 27, 28, 29] });
    expect(settings).toMatchObject({ speed: 'quick', prompt_dropout: 0 });
    expect(settings.learning_rate).toBeGreaterThan(frozen({}).settings.learning_rate);
    for (const field of ['adapter.layers_to_transform', 'learning_rate', 'prompt_dropout'])
      expect(chosen.find((one) => one.field === field)?.why).toContain('the quick lane');
  });

  it('is refused for what is no LoRA', () => {
    expect(() => frozen({ speed: 'quick', adapter: { type: 'ia3' } })).toThrow(expect.objectContaining({ param: 'extensions.speed' }));
  });

  it('leaves what is given as it is', () => {
    const given = { speed: 'quick', prompt_dropout: 0.1, learning_rate: 1e-4, adapter: { layers_to_transform: [29] } };
    expect(frozen(given)).toMatchObject({
      adapter: { layers_to_transform: [29] },
      settings: { prompt_dropout: 0.1, learning_rate: 1e-4 },
    });
  });
});
