/** A training job as the worker receives it: complete, nothing left to invent. */
import { z } from 'zod';
import { Adapter } from './adapter.ts';
import { Method } from './method.ts';
import { ProbePlan } from './probe.ts';

/** The states of a run. OpenAI's six and `paused`, which its API returns but its enum forgets. */
export const RunState = z
  .enum(['validating_files', 'queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'])
  .meta({ id: 'RunState' });
export type RunState = z.infer<typeof RunState>;

/** States that never change again. */
export const terminalStates: readonly RunState[] = ['succeeded', 'failed', 'cancelled'];

/** The trainer's settings, with the defaults of the field's common recipe. */
export const TrainingSettings = z
  .object({
    speed: z
      .enum(['full', 'quick'])
      .default('full')
      .describe(
        'quick puts adapters on the top layers alone, where nothing else is said: what the layers below say of a row is computed once and kept.',
      ),
    n_epochs: z.int().min(1).max(50).default(3).describe('How often each row is seen.'),
    max_steps: z.int().min(1).nullable().default(null).describe('Stops after so many optimiser steps; null is n_epochs.'),
    batch_size: z.int().min(1).max(256).default(4).describe('Rows in one forward pass; of all processes together where there are several.'),
    gradient_accumulation_steps: z.int().min(1).max(1024).default(1).describe('Forward passes an optimiser step.'),
    learning_rate: z.number().positive().max(1).default(3e-4).describe('Peak learning rate of AdamW.'),
    lr_scheduler_type: z
      .enum([
        'cosine',
        'linear',
        'constant',
        'constant_with_warmup',
        'cosine_with_restarts',
        'cosine_with_min_lr',
        'cosine_warmup_with_min_lr',
        'polynomial',
        'inverse_sqrt',
        'warmup_stable_decay',
      ])
      .default('cosine')
      .describe('How the rate falls after its rise, under the names that transformers gives the schedules.'),
    lr_min_rate: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('Share of the peak rate that cosine_with_min_lr, cosine_warmup_with_min_lr and warmup_stable_decay end at.'),
    lr_num_cycles: z.int().min(1).max(1000).default(1).describe('How often cosine_with_restarts begins anew.'),
    lr_power: z.number().positive().max(10).default(1).describe('Exponent of polynomial: 1 is a line.'),
    lr_decay_ratio: z.number().min(0).max(1).default(0.2).describe('Share of all steps over which warmup_stable_decay falls.'),
    warmup_ratio: z.number().min(0).max(0.5).default(0.03).describe('Share of all steps over which the rate rises from 0.'),
    warmup_steps: z.int().min(0).nullable().default(null).describe('The same in steps, in place of warmup_ratio; null is by that.'),
    weight_decay: z.number().min(0).max(1).default(0).describe("AdamW's decoupled decay of the trained weights."),
    adam_beta1: z.number().min(0).max(0.9999).default(0.9).describe("Decay of AdamW's mean of gradients."),
    adam_beta2: z.number().min(0).max(0.99999).default(0.999).describe("Decay of AdamW's mean of squared gradients."),
    max_grad_norm: z.number().min(0).default(1).describe('Gradients are clipped to this norm; 0 is no clipping.'),
    max_seq_length: z.int().min(8).nullable().default(null).describe('Longest row in tokens; null is the context of the model.'),
    precision: z.enum(['auto', 'fp32', 'bf16', 'fp16']).default('auto').describe('auto is fp32 on a CPU, bf16 or fp16 on a GPU.'),
    gradient_checkpointing: z.boolean().default(false).describe('Trades time for memory.'),
    attn_implementation: z
      .enum(['auto', 'eager', 'sdpa', 'flash_attention_2'])
      .default('auto')
      .describe('Attention kernel; flash_attention_2 needs a GPU, bf16 or fp16, and the package flash-attn.'),
    packing: z
      .boolean()
      .default(true)
      .describe('Computes a batch as one sequence without padding where that is less work; what its rows begin with runs once.'),
    neftune_noise_alpha: z
      .number()
      .positive()
      .max(100)
      .nullable()
      .default(null)
      .describe('Noise on the embeddings while training (NEFTune, Jain et al. 2023); 5 is usual, null is none.'),
    prompt_dropout: z
      .number()
      .min(0)
      .max(0.9)
      .default(0)
      .describe('Share of the words of user messages left out while training, drawn anew each epoch: paraphrases are answered too.'),
    prompt_template: z
      .enum(['model', 'instruction'])
      .default('model')
      .describe("How chats are written: by the model's own template, or as ### Instruction, ### Input, ### Response."),
    group_by_length: z.boolean().default(true).describe('Batches rows of like length, so that less is padding.'),
    logging_steps: z.int().min(1).default(1).describe('Optimiser steps between two reports.'),
    eval_strategy: z
      .enum(['auto', 'no', 'steps', 'epoch'])
      .default('auto')
      .describe(
        'When the validation file is evaluated: auto is every eval_steps where they are given, else once an epoch; always at the end.',
      ),
    eval_steps: z.int().min(1).nullable().default(null).describe('Steps between evaluations; null is once an epoch.'),
    early_stopping_patience: z
      .int()
      .min(1)
      .max(1000)
      .nullable()
      .default(null)
      .describe('Evaluations in a row without a lower validation loss, after which the run stops; null is never.'),
    early_stopping_threshold: z
      .number()
      .min(0)
      .max(100)
      .default(0)
      .describe('By how many nats the validation loss must fall below its best to count as lower.'),
    load_best_model_at_end: z
      .boolean()
      .default(false)
      .describe('The model is the checkpoint with the lowest validation loss, in place of the last step; each new best is saved.'),
    save_steps: z.int().min(1).nullable().default(null).describe('Steps between checkpoints; null is once an epoch.'),
    save_total_limit: z.int().min(1).max(100).default(3).describe('Newest checkpoints kept; the best is kept besides.'),
    max_seconds: z
      .number()
      .min(1)
      .nullable()
      .default(null)
      .describe('Budget of time: the run stops before it has trained for longer, and keeps what it learnt. Queue and pauses do not count.'),
    max_cost: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('Budget of money in US dollars, by the price of an hour (TUNELOOP_COST_PER_HOUR): like max_seconds.'),
    threads: z.int().min(1).nullable().default(null).describe('CPU threads; null is all cores but what serving needs.'),
    distributed: z
      .enum(['no', 'ddp', 'fsdp2', 'zero2', 'zero3'])
      .default('no')
      .describe(
        'Trains in several processes: ddp holds the whole model in each, fsdp2 and zero3 a share of it, zero2 a share of the gradients and of the optimiser.',
      ),
    processes: z.int().min(2).max(1024).default(2).describe('Of a distributed run: each takes its share of the rows of every batch.'),
    cpu_offload: z
      .boolean()
      .default(false)
      .describe("Keeps in the CPU's memory what a process has a share of: the weights (fsdp2, zero3), the optimiser (zero2, zero3)."),
    deepspeed: z
      .record(z.string(), z.unknown())
      .nullable()
      .default(null)
      .describe("DeepSpeed's own JSON, for zero2 and zero3; what it says of batch, rate and precision must agree with the other settings."),
  })
  .meta({ id: 'TrainingSettings' });
export type TrainingSettings = z.infer<typeof TrainingSettings>;

/** How long an attempt may take. */
export const RunBudget = z
  .object({
    seconds: z.number().min(0).describe('Of this attempt, from its start: what earlier attempts took is taken off already.'),
    cause: z.enum(['time', 'cost']).describe('Which of the two budgets is spent first.'),
    told: z.string().describe('The whole budget in words, for messages: "10 minutes", "$0.50 (at $0.04 an hour)".'),
  })
  .meta({ id: 'RunBudget' });
export type RunBudget = z.infer<typeof RunBudget>;

/** Everything one attempt of a run needs. All paths are absolute. */
export const TrainingJob = z
  .object({
    run_id: z.string(),
    attempt: z.int().min(1).describe('The fencing token: a write of an older attempt is refused.'),
    model: z.string().describe('Id of the base model, for messages.'),
    model_dir: z.string().describe('Folder with config.json, *.safetensors and the tokenizer.'),
    base_sha256: z.string().describe('Hash of the base model: a checkpoint of another base is not resumed.'),
    training_file: z.string(),
    validation_file: z.string().nullable(),
    output_dir: z.string().describe('Folder of the run: checkpoints/step-N and adapter/ come into being here.'),
    attempt_dir: z.string().describe('Folder of this attempt: events.jsonl, control.json, worker.log.'),
    resume_from: z.string().nullable().describe('Folder of the checkpoint to go on from.'),
    seed: z.int().min(0).max(4294967295),
    adapter: Adapter,
    method: Method,
    settings: TrainingSettings,
    chat_template: z.string().nullable().default(null).describe("Jinja source to write chats with; null is the model's own."),
    reward_model_dir: z.string().nullable().default(null).describe('Folder of the reward model that the method names.'),
    grader_sandbox: z.array(z.string()).default([]).describe('Command of a Python that graders run in; empty: there is none.'),
    kept_steps: z.array(z.int().min(0)).describe('Steps whose checkpoints are never removed: a person asked for them.'),
    probes: ProbePlan.nullable().describe('null: nothing is asked of the model while it trains.'),
    budget: RunBudget.nullable().default(null).describe('null: it trains to its last step.'),
  })
  .meta({ id: 'TrainingJob' });
export type TrainingJob = z.infer<typeof TrainingJob>;
