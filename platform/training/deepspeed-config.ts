/** What of DeepSpeed's configuration a run has use for, in DeepSpeed's own names (deepspeed.ai/docs/config-json); nothing else is taken. */
import { z } from 'zod';

/** "auto" is how transformers writes that a value is the trainer's. */
const orAuto = <Schema extends z.ZodType>(schema: Schema) => z.union([z.literal('auto'), schema]).optional();

const count = z.int().min(1);
const bytes = orAuto(z.number().min(0));
const offload = z.strictObject({
  device: z.enum(['cpu', 'none'], { error: 'takes "cpu" or "none"; nothing is kept on a disk here' }),
  pin_memory: z.boolean().optional(),
  buffer_count: count.optional(),
  fast_init: z.boolean().optional(),
  ratio: z.number().min(0).max(1).optional(),
});

export const DeepSpeedConfig = z.strictObject({
  train_batch_size: orAuto(count),
  train_micro_batch_size_per_gpu: orAuto(count),
  gradient_accumulation_steps: orAuto(count),
  gradient_clipping: orAuto(z.number().min(0)),
  steps_per_print: orAuto(count),
  wall_clock_breakdown: z.boolean().optional(),
  optimizer: z
    .strictObject({
      type: z.enum(['Adam', 'AdamW'], { error: 'takes "AdamW"; DeepSpeed makes AdamW of "Adam" too' }),
      params: z.strictObject({
        lr: orAuto(z.number().positive()),
        betas: orAuto(z.tuple([z.number(), z.number()])),
        eps: orAuto(z.literal(1e-8, { error: 'is 1e-8 here' })),
        weight_decay: orAuto(z.number().min(0)),
        torch_adam: z.boolean().optional(),
        adam_w_mode: z.literal(true).optional(),
      }),
    })
    .optional(),
  scheduler: z
    .strictObject({
      type: z.enum(['WarmupLR', 'WarmupDecayLR'], { error: 'takes "WarmupLR" or "WarmupDecayLR"' }),
      params: z.strictObject({
        warmup_min_lr: orAuto(z.number().min(0)),
        warmup_max_lr: orAuto(z.number().positive()),
        warmup_num_steps: orAuto(count),
        warmup_type: z.enum(['log', 'linear']).optional(),
        total_num_steps: orAuto(count),
      }),
    })
    .optional(),
  fp16: z
    .strictObject({
      enabled: orAuto(z.boolean()),
      loss_scale: z.number().min(0).optional(),
      initial_scale_power: count.optional(),
      loss_scale_window: count.optional(),
      hysteresis: count.optional(),
      min_loss_scale: z.number().optional(),
    })
    .optional(),
  bf16: z.strictObject({ enabled: orAuto(z.boolean()) }).optional(),
  zero_optimization: z.strictObject({
    stage: z.union([z.literal(2), z.literal(3)], { error: 'takes 2 or 3; what stage 0 does is distributed "ddp"' }),
    offload_optimizer: offload.optional(),
    offload_param: offload.optional(),
    allgather_partitions: z.boolean().optional(),
    allgather_bucket_size: bytes,
    overlap_comm: z.boolean().optional(),
    reduce_scatter: z.boolean().optional(),
    reduce_bucket_size: bytes,
    contiguous_gradients: z.boolean().optional(),
    round_robin_gradients: z.boolean().optional(),
    sub_group_size: bytes,
    stage3_prefetch_bucket_size: bytes,
    stage3_param_persistence_threshold: bytes,
    stage3_max_live_parameters: bytes,
    stage3_max_reuse_distance: bytes,
    stage3_gather_16bit_weights_on_model_save: z.boolean().optional(),
  }),
  activation_checkpointing: z
    .strictObject({
      partition_activations: z.boolean().optional(),
      cpu_checkpointing: z.boolean().optional(),
      contiguous_memory_optimization: z.boolean().optional(),
      number_checkpoints: count.nullish(),
      synchronize_checkpoint_boundary: z.boolean().optional(),
      profile: z.boolean().optional(),
    })
    .optional(),
});
export type DeepSpeedConfig = z.infer<typeof DeepSpeedConfig>;
