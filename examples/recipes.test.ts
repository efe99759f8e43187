/** Each recipe is a request that the platform takes, for a model of its catalogue. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Adapter } from '#contract/adapter.ts';
import { Method } from '#contract/method.ts';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { catalogFolder, readCatalog } from '#platform/models/catalog.ts';
import { freezeConfig } from '#platform/training/freeze-config.ts';

const folder = join(import.meta.dirname, 'recipes');
const recipes = readdirSync(folder).map((file) => ({ file, recipe: parse(readFileSync(join(folder, file), 'utf8')) as { model: string } }));
const catalog = readCatalog([catalogFolder]);

function frozen(recipe: object) {
  const request = FineTuningJobRequest.parse({ ...recipe, training_file: 'file-1' });
  const entry = catalog.find((known) => known.id === request.model)!;
  return { entry, config: freezeConfig(request, entry, { id: 'file-1', convertedFrom: null, rows: 1000, trainedTokens: null }) };
}

/** What the name of a recipe says of its adapter. */
function adapterOf(file: string): object {
  const [, kind] = /^smollm2-135m-instruct-(.+)\.yaml$/.exec(file) ?? [];
  const others: Record<string, object> = {
    rslora: { type: 'lora', use_rslora: true },
    dora: { type: 'lora', use_dora: true },
    full: { type: 'full' },
    ia3: { type: 'ia3' },
    prompt: { type: 'prompt_tuning', num_virtual_tokens: 10, prompt_tuning_init_text: 'Classify the sentiment:' },
    prefix: { type: 'prefix_tuning', num_virtual_tokens: 20, prefix_projection: true },
    'adaption-prompt': { type: 'adaption_prompt', adapter_len: 10, adapter_layers: 30 },
  };
  return others[kind ?? ''] ?? { type: 'lora', r: 16, lora_alpha: 32 };
}

describe('the recipes', () => {
  it.each(recipes)('$file is taken as it stands, on layers that its model has', ({ file, recipe }) => {
    const { entry, config } = frozen(recipe);
    expect(config.adapter).toMatchObject(adapterOf(file));
    if (entry.parameters > 1e9) expect(config.adapter).toHaveProperty('target_modules', entry.target_modules);
  });

  it('carry the learning rate 3e-4 and the attention projections at 7B', () => {
    const { config } = frozen(recipes.find(({ file }) => file === 'llama-2-7b-lora.yaml')!.recipe);
    expect(config.settings).toMatchObject({ learning_rate: 3e-4, n_epochs: 3, batch_size: 4, gradient_accumulation_steps: 4 });
    expect(config.adapter).toHaveProperty('target_modules', ['q_proj', 'k_proj', 'v_proj', 'o_proj']);
  });

  it('are there for every kind of adapter', () => {
    const trained = recipes.map(({ recipe }) => frozen(recipe).config.adapter.type);
    expect(Adapter.options.map((option) => option.shape.type.value).filter((type) => !trained.includes(type))).toEqual([]);
  });

  it('are there for every method, by its usual name', () => {
    const trained = recipes.map(({ recipe }) => frozen(recipe).config.method.type);
    expect(Method.options.map((option) => option.shape.type.value).filter((type) => !trained.includes(type))).toEqual([]);
    expect(frozen(recipes.find(({ file }) => file.includes('-ipo'))!.recipe).config.method).toMatchObject({ type: 'dpo', loss_type: 'ipo' });
  });

  it('are there for every model that can be trained', () => {
    const trainable = catalog.filter((entry) => entry.source.type !== 'scripted').map((entry) => entry.id);
    expect(recipes.filter(({ file }) => file.endsWith('-lora.yaml')).map(({ recipe }) => recipe.model).toSorted()).toEqual(trainable.toSorted());
  });
});
