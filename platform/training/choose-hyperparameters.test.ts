import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoraAdapter } from '#contract/adapter.ts';
import { TrainingSettings } from '#contract/training.ts';
import { chooseHyperparameters, type Sizes } from './choose-hyperparameters.ts';

const count = (max: number): fc.Arbitrary<number> => fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max }));
const sizes: fc.Arbitrary<Sizes> = fc.record({
  parameters: fc.oneof(fc.integer({ min: 1, max: 5e8 }), fc.integer({ min: 1, max: 2e12 })),
  layers: fc.integer({ min: 1, max: 200 }),
  rows: count(1e8),
  trained_tokens: fc.option(count(1e11)),
});

/** The choice for the same sizes, but for one of them that is smaller and larger. */
function pairs(field: 'parameters' | 'rows'): fc.Arbitrary<[smaller: Sizes, larger: Sizes]> {
  return fc.tuple(sizes, sizes).map(([one, other]) => [
    { ...one, [field]: Math.min(one[field], other[field]) },
    { ...one, [field]: Math.max(one[field], other[field]) },
  ]);
}

const demo: Sizes = { parameters: 134_515_008, layers: 30, rows: 104, trained_tokens: 1392 };
const llama7b: Sizes = { parameters: 6_738_415_616, layers: 32, rows: 5000, trained_tokens: 900_000 };

describe('the hyperparameters chosen for "auto"', () => {
  it('are ones that the worker accepts, whatever the sizes', () => {
    fc.assert(
      fc.property(sizes, (given) => {
        const { target_modules, layers_to_transform, lora_dropout, why, ...settings } = chooseHyperparameters(given);
        expect(TrainingSettings.strict().parse(settings)).toMatchObject(settings);
        expect(LoraAdapter.parse({ type: 'lora', target_modules, layers_to_transform, lora_dropout }).lora_dropout).toBe(lora_dropout);
        expect(Object.keys(why).sort()).toEqual([...Object.keys(settings), 'target_modules', 'layers_to_transform', 'lora_dropout'].sort());
      }),
    );
  });

  it('come each with a reason in plain words', () => {
    fc.assert(
      fc.property(sizes, (given) => {
        for (const reason of Object.values(chooseHyperparameters(given).why))
          expect(reason).toMatch(/^(?!.*(NaN|undefined|null|Infinity)).{10,}$/);
      }),
    );
  });

  it('name layers that the model has', () => {
    fc.assert(
      fc.property(sizes, (given) => {
        const layers = chooseHyperparameters(given).layers_to_transform ?? [];
        expect(new Set(layers).size).toBe(layers.length);
        expect(layers.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < given.layers)).toBe(true);
      }),
    );
  });

  it('never put more rows in an optimiser step than there are', () => {
    fc.assert(
      fc.property(sizes, (given) => {
        const { batch_size, gradient_accumulation_steps } = chooseHyperparameters(given);
        expect(batch_size * gradient_accumulation_steps).toBeLessThanOrEqual(given.rows);
      }),
    );
  });

  it('have a learning rate that never rises with the size of the model, and does not depend on the data', () => {
    fc.assert(
      fc.property(pairs('parameters'), pairs('rows'), ([smaller, larger], [fewer, more]) => {
        expect(chooseHyperparameters(larger).learning_rate).toBeLessThanOrEqual(chooseHyperparameters(smaller).learning_rate);
        expect(chooseHyperparameters(more).learning_rate).toBe(chooseHyperparameters(fewer).learning_rate);
      }),
    );
  });

  it('have no more epochs when there are more rows', () => {
    fc.assert(
      fc.property(pairs('rows'), ([fewer, more]) => {
        expect(chooseHyperparameters(more).n_epochs).toBeLessThanOrEqual(chooseHyperparameters(fewer).n_epochs);
      }),
    );
  });

  it('go over few rows more often on the demo model, and three times over many', () => {
    const epochs = [40, 104, 100_000].map((rows) => chooseHyperparameters({ ...demo, rows }).n_epochs);
    expect(epochs[0]).toBeGreaterThan(epochs[1]!);
    expect(epochs[1]).toBeGreaterThan(3);
    expect(epochs[2]).toBe(3);
  });

  it('adapt every linear layer of the demo model', () => {
    expect(chooseHyperparameters(demo).target_modules).toEqual([
      'q_proj',
      'k_proj',
      'v_proj',
      'o_proj',
      'gate_proj',
      'up_proj',
      'down_proj',
    ]);
  });

  it.each([6_738_415_616, 13_015_864_320, 68_976_648_192])('are the usual recipe for a model of %i parameters', (parameters) => {
    expect(chooseHyperparameters({ ...llama7b, parameters })).toMatchObject({
      n_epochs: 3,
      batch_size: 4,
      gradient_accumulation_steps: 4,
      learning_rate: 3e-4,
      target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
      layers_to_transform: null,
      lora_dropout: 0.05,
    });
  });
});
