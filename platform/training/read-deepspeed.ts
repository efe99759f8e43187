/** DeepSpeed's JSON as settings of a run: what both say must agree, and the batch must be the product of its parts. */
import { fieldPath } from '#contract/openai/request-problem.ts';
import type { RunConfig } from '#contract/training-run.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { DeepSpeedConfig } from './deepspeed-config.ts';

const place = 'extensions.deepspeed';

type Settings = Record<string, unknown>;

/**
 * Adds what the JSON of `settings.deepspeed` says to the settings that were given, and tells each in `chosen`. Throws
 * `invalid_request` with the field's path where the two disagree, or where the batch does not come out.
 */
export function takeDeepSpeed(settings: Settings, chosen: RunConfig['chosen']): void {
  if (settings['deepspeed'] === undefined || settings['deepspeed'] === null) return;
  const config = parsed(settings['deepspeed']);
  const { optimizer, scheduler, zero_optimization: zero } = config;
  const take = (field: string, path: string, value: unknown): void => {
    if (value === undefined || value === 'auto') return;
    const given = settings[field];
    if (given === undefined) {
      settings[field] = value;
      chosen.push({ field, value, why: `deepspeed.${path} says it` });
    } else if (given !== value) {
      refuse(path, `is ${JSON.stringify(value)}, but ${field} is ${JSON.stringify(given)}: give one of them`);
    }
  };
  take('distributed', 'zero_optimization.stage', `zero${zero.stage}`);
  const offloads = [zero.offload_optimizer, zero.offload_param].some((part) => part?.device === 'cpu');
  take('cpu_offload', 'zero_optimization.offload_optimizer.device', offloads || undefined);
  take('max_grad_norm', 'gradient_clipping', config.gradient_clipping);
  take('learning_rate', 'optimizer.params.lr', optimizer?.params.lr);
  take('weight_decay', 'optimizer.params.weight_decay', optimizer?.params.weight_decay);
  const betas = optimizer?.params.betas;
  if (Array.isArray(betas)) {
    take('adam_beta1', 'optimizer.params.betas[0]', betas[0]);
    take('adam_beta2', 'optimizer.params.betas[1]', betas[1]);
  }
  if (scheduler) {
    take('learning_rate', 'scheduler.params.warmup_max_lr', scheduler.params.warmup_max_lr);
    takeSchedule(settings, scheduler.type, chosen);
  }
  takePrecision(settings, config, chosen);
  takeBatch(settings, config, chosen, take);
  if (config.activation_checkpointing) {
    const why = 'DeepSpeed’s own checkpoints, which no layer here calls: it has no effect; gradient_checkpointing is the setting';
    chosen.push({ field: 'deepspeed.activation_checkpointing', value: null, why });
  }
  settings['deepspeed'] = config;
}

function parsed(given: unknown): DeepSpeedConfig {
  const result = DeepSpeedConfig.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
  const what = issue.code === 'unrecognized_keys' ? 'is not a field of DeepSpeed that a run here has use for' : issue.message;
  return refuse(fieldPath(path) ?? '', what);
}

function refuse(path: string, what: string): never {
  const param = `${place}.${path}`;
  throw new PlatformError('invalid_request', `${param}: ${what}`, { param });
}

/** DeepSpeed's own schedule takes the place of ours. */
function takeSchedule(settings: Settings, type: string, chosen: RunConfig['chosen']): void {
  const ours = ['lr_scheduler_type', 'warmup_ratio', 'warmup_steps'].find((field) => settings[field] !== undefined);
  if (ours !== undefined) refuse('scheduler', `is a schedule of its own, and ${ours} is given too: give one of them`);
  chosen.push({ field: 'deepspeed.scheduler', value: type, why: 'stands in place of lr_scheduler_type and warmup_ratio' });
}

/** A precision that was given stands above the JSON, which is often written for another machine. */
function takePrecision(settings: Settings, config: DeepSpeedConfig, chosen: RunConfig['chosen']): void {
  const asked = (['fp16', 'bf16'] as const).filter((name) => config[name]?.enabled === true);
  if (asked.length > 1) refuse('bf16.enabled', 'fp16 is enabled too: give one of them');
  for (const name of asked) {
    const given = settings['precision'];
    if (given === undefined || given === name) {
      settings['precision'] = name;
      chosen.push({ field: 'precision', value: name, why: `deepspeed.${name}.enabled says it` });
    } else {
      config[name]!.enabled = false;
      chosen.push({ field: `deepspeed.${name}.enabled`, value: false, why: `precision ${JSON.stringify(given)} was given` });
    }
  }
}

/** Rows of a step = rows of one process in a forward pass × forward passes × processes. What two of them leave open is worked out. */
function takeBatch(
  settings: Settings,
  config: DeepSpeedConfig,
  chosen: RunConfig['chosen'],
  take: (field: string, path: string, value: unknown) => void,
): void {
  const said = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  const [total, micro] = [said(config.train_batch_size), said(config.train_micro_batch_size_per_gpu)];
  const passes = said(config.gradient_accumulation_steps) ?? said(settings['gradient_accumulation_steps']) ?? 1;
  if (settings['processes'] === undefined && total !== undefined && micro !== undefined && total % (micro * passes) === 0) {
    const processes = total / (micro * passes);
    if (processes > 1) {
      settings['processes'] = processes;
      chosen.push({ field: 'processes', value: processes, why: `deepspeed: train_batch_size ${total} ÷ (${micro} × ${passes})` });
    }
  }
  const processes = said(settings['processes']) ?? 2;
  const rows = micro ?? (total === undefined ? undefined : total / (passes * processes));
  if (total !== undefined && (rows! * passes * processes !== total || !Number.isInteger(rows))) {
    const parts = [`gradient_accumulation_steps ${passes}`, `${processes} processes`];
    refuse(
      'train_batch_size',
      micro === undefined
        ? `${total} cannot be shared evenly by ${parts.join(' × ')} = ${passes * processes}`
        : `is ${total}, but train_micro_batch_size_per_gpu ${micro} × ${parts.join(' × ')} = ${micro * passes * processes}: change one of them`,
    );
  }
  take('gradient_accumulation_steps', 'gradient_accumulation_steps', config.gradient_accumulation_steps);
  if (total !== undefined && settings['gradient_accumulation_steps'] === undefined) settings['gradient_accumulation_steps'] = passes;
  if (rows === undefined) return;
  take('batch_size', micro === undefined ? 'train_batch_size' : 'train_micro_batch_size_per_gpu', rows * processes);
}
