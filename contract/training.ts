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
    n_epochs: z.int().min(1).max(50).default(3).describe('How often each row is seen.'),
    max_steps: z.int().min(1).nullable().default(null).describe('Stops after so many optimiser steps; null is n_epochs.'),
    batch_size: z.int().min(1).max(256).default(4).describe('Rows in one forward pass of one process.'),
    gradient_accumulation_steps: z.int().min(1).max(1024).default(1).describe('Forward passes an optimiser step.'),
    learning_rate: z.number().positive().max(1).default(3e-4).describe('Peak learning rate of AdamW.'),
    lr_scheduler_type: z
      .enum(['cosine', 'linear', 'constant', 'constant_with_warmup'])
      .default('cosine')
      .describe('How the rate falls after its rise.'),
    warmup_ratio: z.number().min(0).max(0.5).default(0.03).describe('Share of all steps over which the rate rises from 0.'),
    weight_decay: z.number().min(0).max(1).default(0).describe("AdamW's decoupled decay of the trained weights."),
    adam_beta1: z.number().min(0).max(0.9999).default(0.9).describe("Decay of AdamW's mean of gradients."),
    adam_beta2: z.number().min(0).max(0.99999).default(0.999).describe("Decay of AdamW's mean of squared gradients."),
    max_grad_norm: z.number().min(0).default(1).describe('Gradients are clipped to this norm; 0 is no clipping.'),
    max_seq_length: z.int().min(8).nullable().default(null).describe('Longest row in tokens; null is the context of the model.'),
    precision: z.enum(['auto', 'fp32', 'bf16', 'fp16']).default('auto').describe('auto is fp32 on a CPU, bf16 or fp16 on a GPU.'),
    gradient_checkpointing: z.boolean().default(false).describe('Trades time for memory.'),
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
    eval_steps: z.int().min(1).nullable().default(null).describe('Steps between evaluations; null is once an epoch.'),
    save_steps: z.int().min(1).nullable().default(null).describe('Steps between checkpoints; null is once an epoch.'),
    save_total_limit: z.int().min(1).max(100).default(3).describe('Newest checkpoints kept; the best is kept besides.'),
    threads: z.int().min(1).nullable().default(null).describe('CPU threads; null is all cores but what serving needs.'),
  })
  .meta({ id: 'TrainingSettings' });
export type TrainingSettings = z.infer<typeof TrainingSettings>;

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
    kept_steps: z.array(z.int().min(0)).describe('Steps whose checkpoints are never removed: a person asked for them.'),
    probes: ProbePlan.nullable().describe('null: nothing is asked of the model while it trains.'),
  })
  .meta({ id: 'TrainingJob' });
export type TrainingJob = z.infer<typeof TrainingJob>;
