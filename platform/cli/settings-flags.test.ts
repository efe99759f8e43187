import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Adapter } from '#contract/adapter.ts';
import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { TrainingSettings } from '#contract/training.ts';
import { projectRoot } from '#platform/config.ts';
import { extensionsFrom, readAssignment, settings, settingsFlags } from './settings-flags.ts';

describe('the flags of train', () => {
  it('are one for each setting of trainer and adapter', () => {
    const ofAdapters = new Set(Adapter.options.flatMap(({ shape }) => Object.keys(shape)).filter((name) => name !== 'type'));
    const names = [...Object.keys(TrainingSettings.shape), ...ofAdapters];
    expect(settings.map(({ name }) => name)).toEqual(names);
    expect(settingsFlags.map(({ flags }) => flags.split(' ')[0])).toEqual(names.map((name) => `--${name.replaceAll('_', '-')}`));
  });

  it('make the extensions that the API takes', () => {
    const extensions = extensionsFrom({
      learningRate: 1e-3,
      nEpochs: 'auto',
      groupByLength: false,
      loraAlpha: 64,
      targetModules: ['q_proj', 'v_proj'],
      suffix: 'x',
    });
    expect(extensions).toEqual({
      learning_rate: 1e-3,
      n_epochs: 'auto',
      group_by_length: false,
      adapter: { lora_alpha: 64, target_modules: ['q_proj', 'v_proj'] },
    });
    expect(FineTuningJobRequest.safeParse({ model: 'm', training_file: 'file-1', extensions }).success).toBe(true);
  });

  it('make no extensions when none was given', () => {
    expect(extensionsFrom({ suffix: 'x', watch: true })).toBeUndefined();
  });

  it('read numbers, lists, words and "auto", and refuse what does not fit', () => {
    const read = (name: string, text: string): unknown =>
      settingsFlags[settings.findIndex((each) => each.name === name)]!.parse!(text, undefined);
    expect(read('learning_rate', '1e-3')).toBe(0.001);
    expect(read('learning_rate', 'auto')).toBe('auto');
    expect(read('layers_to_transform', '0,1,29')).toEqual([0, 1, 29]);
    expect(read('gradient_checkpointing', 'true')).toBe(true);
    expect(() => read('learning_rate', 'fast')).toThrow('takes a number');
    expect(() => read('lr_scheduler_type', 'square')).toThrow('takes one of cosine');
  });

  it('may be written as --set name=value, with or without the place before the name', () => {
    const set = ['settings.learning_rate=2e-3', 'adapter.r=8', 'n_epochs=4'].reduce<unknown>(
      (before, text) => readAssignment(text, before),
      undefined,
    );
    expect(extensionsFrom({ set })).toEqual({ learning_rate: 2e-3, n_epochs: 4, adapter: { r: 8 } });
    expect(extensionsFrom({ adapter: 'ia3' })).toEqual({ adapter: { type: 'ia3' } });
    const options = ['method.loss_type=ipo', 'method.beta=0.2'].reduce<unknown>((before, text) => readAssignment(text, before), undefined);
    expect(extensionsFrom({ method: 'dpo', set: options })).toEqual({ method: { type: 'dpo', loss_type: 'ipo', beta: 0.2 } });
    expect(() => readAssignment('learning_rat=1', undefined)).toThrow('learning_rate');
  });

  it('take the JSON of another program by the name of its file', () => {
    const deepspeed = settingsFlags[settings.findIndex(({ name }) => name === 'deepspeed')]!;
    const file = join(projectRoot, 'examples/deepspeed/zero2-offload.json');
    expect(deepspeed.parse!(file, undefined)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
    expect(deepspeed.parse!('{"zero_optimization":{"stage":3}}', undefined)).toEqual({ zero_optimization: { stage: 3 } });
    expect(() => deepspeed.parse!('nowhere.json', undefined)).toThrow('takes a file of JSON; ENOENT');
    expect(() => deepspeed.parse!(join(projectRoot, 'LICENSE'), undefined)).toThrow('takes a file of JSON, and');
  });
});
