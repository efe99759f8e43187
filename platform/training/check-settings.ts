/** Settings of the trainer that do not go together, or that cannot be kept here: refused before a run is made, with the field's path. */
import type { Adapter } from '#contract/adapter.ts';
import type { MethodType } from '#contract/method.ts';
import { TrainingSettings } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** What the settings are held against. */
export interface SettingsPlace {
  method: MethodType;
  adapter: Adapter;
  hasValidation: boolean;
  /** US dollars; undefined where the machine has no price. */
  costPerHour: number | undefined;
}

type Field = keyof TrainingSettings;
type Schedule = TrainingSettings['lr_scheduler_type'];

const usual = TrainingSettings.parse({});
/** Which schedules a field means something to. */
const schedulesOf: Partial<Record<Field, Schedule[]>> = {
  lr_min_rate: ['cosine_with_min_lr', 'cosine_warmup_with_min_lr', 'warmup_stable_decay'],
  lr_num_cycles: ['cosine_with_restarts'],
  lr_power: ['polynomial'],
  lr_decay_ratio: ['warmup_stable_decay'],
};

/** Throws `invalid_request` for the first that is found. */
export function refuseSettings(settings: TrainingSettings, place: SettingsPlace): void {
  const problems = [
    ...ofSchedule(settings),
    ...ofEvaluation(settings, place),
    ...ofKernels(settings, place),
    ...ofProcesses(settings, place),
  ];
  for (const [isWrong, field, what] of problems) {
    if (!isWrong) continue;
    const param = `extensions.${field}`;
    throw new PlatformError('invalid_request', `${param}: ${what}`, { param });
  }
}

type Problem = [isWrong: boolean, field: Field, what: string];

function ofSchedule(settings: TrainingSettings): Problem[] {
  const { lr_scheduler_type: schedule, warmup_steps: rise, max_steps: steps } = settings;
  const unused = Object.entries(schedulesOf).map(([name, schedules]): Problem => {
    const field = name as Field;
    const isWrong = settings[field] !== usual[field] && !schedules.includes(schedule);
    return [
      isWrong,
      field,
      `the schedule "${schedule}" has no use for it; ${schedules.join(', ')} ${schedules.length > 1 ? 'have' : 'has'}`,
    ];
  });
  return [
    ...unused,
    [rise !== null && steps !== null && rise >= steps, 'warmup_steps', `with max_steps ${steps} the rate would do nothing but rise`],
  ];
}

function ofEvaluation(settings: TrainingSettings, { hasValidation, costPerHour }: SettingsPlace): Problem[] {
  const { eval_strategy: strategy, eval_steps: steps, early_stopping_patience: patience } = settings;
  const needs = !hasValidation ? 'needs a validation_file to judge by' : 'needs evaluations, and eval_strategy is "no"';
  const isBlind = !hasValidation || strategy === 'no';
  return [
    [strategy === 'steps' && steps === null, 'eval_steps', 'eval_strategy "steps" needs to know how many'],
    [
      (strategy === 'no' || strategy === 'epoch') && steps !== null,
      'eval_steps',
      `eval_strategy "${strategy}" does not count steps: leave one out`,
    ],
    [patience !== null && isBlind, 'early_stopping_patience', needs],
    [settings.load_best_model_at_end && isBlind, 'load_best_model_at_end', needs],
    [
      settings.early_stopping_threshold > 0 && patience === null,
      'early_stopping_threshold',
      'says how much lower counts as lower for early_stopping_patience, which is not given',
    ],
    [
      settings.max_cost !== null && !costPerHour,
      'max_cost',
      'an hour of this machine has no price: set TUNELOOP_COST_PER_HOUR, or give max_seconds',
    ],
  ];
}

function ofKernels(settings: TrainingSettings, { method }: SettingsPlace): Problem[] {
  const isFlash = settings.attn_implementation === 'flash_attention_2';
  return [
    [
      isFlash && settings.precision === 'fp32',
      'attn_implementation',
      'flash_attention_2 computes in bf16 or fp16, and precision is "fp32"',
    ],
    [
      settings.neftune_noise_alpha !== null && method !== 'supervised',
      'neftune_noise_alpha',
      `noise on the embeddings is for supervised training; ${method} goes without`,
    ],
  ];
}

function ofProcesses(settings: TrainingSettings, { method, adapter }: SettingsPlace): Problem[] {
  const { distributed: kind, processes, batch_size: rows, deepspeed, cpu_offload: offloads } = settings;
  const isOne = kind === 'no';
  const cuts = ['fsdp2', 'zero2', 'zero3'].includes(kind);
  return [
    [deepspeed !== null && !kind.startsWith('zero'), 'deepspeed', `is for zero2 and zero3, and distributed is "${kind}"`],
    [offloads && !cuts, 'cpu_offload', `fsdp2, zero2 and zero3 have something to keep there, and distributed is "${kind}"`],
    [!isOne && method !== 'supervised', 'distributed', `${method} trains in one process; supervised training takes several`],
    [
      !isOne && !['lora', 'full'].includes(adapter.type),
      'distributed',
      `"${adapter.type}" trains in one process; lora and full take several`,
    ],
    [
      cuts && adapter.type === 'lora' && adapter.quantization !== null,
      'distributed',
      `${kind} cuts weights, and those in four bits cannot be cut; ddp takes them whole`,
    ],
    [kind === 'fsdp2' && settings.precision === 'fp16', 'precision', 'fsdp2 computes in bf16 or fp32; zero2 and zero3 take fp16'],
    [
      !isOne && rows % processes !== 0,
      'batch_size',
      `${rows} rows cannot be shared evenly by ${processes} processes; give a multiple of ${processes}`,
    ],
  ];
}
