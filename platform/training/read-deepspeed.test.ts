import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import type { ModelEntry } from '#contract/model.ts';
import type { RunConfig } from '#contract/training-run.ts';
import { projectRoot } from '#platform/config.ts';
import { catalogFolder, readCatalog } from '#platform/models/catalog.ts';
import { freezeConfig } from './freeze-config.ts';

const model: ModelEntry = readCatalog([catalogFolder]).find((entry) => entry.id === 'smollm2-135m-instruct')!;
/** Written for four GPUs: 4 rows × 4 passes × 4 processes. */
const written = JSON.parse(readFileSync(join(projectRoot, 'examples/deepspeed/zero2-offload.json'), 'utf8')) as Record<string, object>;

function frozen(extensions: object): RunConfig {
  const request = FineTuningJobRequest.parse({ model: model.id, training_file: 'file-1', extensions });
  return freezeConfig(request, model, { id: 'file-1', convertedFrom: null, rows: 100, trainedTokens: 2000 });
}

const refusal = (field: string, why: string) =>
  expect.objectContaining({ code: 'invalid_request', param: `extensions.${field}`, message: expect.stringContaining(why) });

describe("DeepSpeed's own JSON", () => {
  it('says how a run is made: stage, processes, batch, rate, decay and precision', () => {
    const { settings, chosen } = frozen({ deepspeed: written });
    expect(settings).toMatchObject({
      distributed: 'zero2',
      processes: 4,
      batch_size: 16,
      gradient_accumulation_steps: 4,
      learning_rate: 3e-4,
      weight_decay: 0.01,
      adam_beta1: 0.9,
      adam_beta2: 0.999,
      precision: 'fp16',
      cpu_offload: true,
    });
    expect(chosen).toContainEqual({ field: 'processes', value: 4, why: 'deepspeed: train_batch_size 64 ÷ (4 × 4)' });
    const fields = chosen.map(({ field }) => field);
    expect(fields).toEqual(expect.arrayContaining(['deepspeed.scheduler', 'deepspeed.activation_checkpointing']));
  });

  it('gives way to a precision that is given, and says so', () => {
    const { settings, chosen } = frozen({ deepspeed: written, precision: 'fp32' });
    expect(settings.precision).toBe('fp32');
    expect(settings.deepspeed!['fp16']).toMatchObject({ enabled: false });
    expect(chosen).toContainEqual({ field: 'deepspeed.fp16.enabled', value: false, why: 'precision "fp32" was given' });
  });

  it('leaves "auto" to the trainer', () => {
    const zero_optimization = { stage: 3 };
    const batch = { train_batch_size: 'auto', train_micro_batch_size_per_gpu: 'auto', gradient_accumulation_steps: 'auto' };
    const { settings } = frozen({ deepspeed: { ...batch, zero_optimization }, batch_size: 8 });
    expect(settings).toMatchObject({ distributed: 'zero3', processes: 2, batch_size: 8, gradient_accumulation_steps: 1 });
  });

  it('has its batch worked out of what two of three fields leave open', () => {
    const given = { train_batch_size: 24, gradient_accumulation_steps: 3, zero_optimization: { stage: 2 } };
    expect(frozen({ deepspeed: given }).settings).toMatchObject({ processes: 2, batch_size: 8, gradient_accumulation_steps: 3 });
  });

  it.each([
    [
      { processes: 2 },
      {},
      'train_batch_size',
      'is 64, but train_micro_batch_size_per_gpu 4 × gradient_accumulation_steps 4 × 2 processes = 32',
    ],
    [
      { processes: 3 },
      { train_micro_batch_size_per_gpu: 'auto' },
      'train_batch_size',
      '64 cannot be shared evenly by gradient_accumulation_steps 4 × 3 processes = 12',
    ],
    [{ batch_size: 8 }, {}, 'train_micro_batch_size_per_gpu', 'is 16, but batch_size is 8'],
    [{ learning_rate: 1e-3 }, {}, 'optimizer.params.lr', 'is 0.0003, but learning_rate is 0.001'],
    [{ distributed: 'fsdp2' }, {}, 'zero_optimization.stage', 'is "zero2", but distributed is "fsdp2"'],
    [{ warmup_ratio: 0.1 }, {}, 'scheduler', 'warmup_ratio is given too'],
    [{}, { zero_optimization: { stage: 1 } }, 'zero_optimization.stage', 'takes 2 or 3'],
    [{}, { optimizer: { type: 'Lamb', params: {} } }, 'optimizer.type', 'takes "AdamW"'],
    [{}, { train_bach_size: 64 }, 'train_bach_size', 'is not a field of DeepSpeed'],
  ])('%j beside it is refused where %j does not fit', (extensions, changes, field, why) => {
    expect(() => frozen({ ...extensions, deepspeed: { ...written, ...changes } })).toThrow(refusal(`deepspeed.${field}`, why));
  });
});

describe('a run in several processes', () => {
  it('gets a batch that all can share, and is asked no questions', () => {
    const { settings, chosen, probes } = frozen({ distributed: 'ddp', processes: 3 });
    expect(settings.batch_size % 3).toBe(0);
    expect(chosen.find(({ field }) => field === 'batch_size')!.why).toContain('would not be shared evenly by 3 processes');
    expect(probes!.enabled).toBe(false);
  });

  it.each([
    [{ distributed: 'ddp', batch_size: 3 }, 'batch_size', '3 rows cannot be shared evenly by 2 processes; give a multiple of 2'],
    [{ distributed: 'ddp', method: { type: 'orpo' } }, 'distributed', 'orpo trains in one process'],
    [{ distributed: 'fsdp2', adapter: { type: 'ia3' } }, 'distributed', '"ia3" trains in one process'],
    [{ distributed: 'fsdp2', adapter: { quantization: 'nf4' } }, 'distributed', 'those in four bits cannot be cut'],
    [{ distributed: 'fsdp2', precision: 'fp16' }, 'precision', 'zero2 and zero3 take fp16'],
    [{ distributed: 'ddp', cpu_offload: true }, 'cpu_offload', 'distributed is "ddp"'],
    [{ cpu_offload: true }, 'cpu_offload', 'distributed is "no"'],
    [{ distributed: 'ddp', probes: { prompts: [{ prompt: 'Who?' }] } }, 'probes.prompts', 'several processes answers none'],
  ])('is refused %j', (extensions, field, why) => {
    expect(() => frozen(extensions)).toThrow(refusal(field, why));
  });
});
