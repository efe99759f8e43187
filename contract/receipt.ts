/** What a version was made of: enough to make it again bit for bit, and to see later whether it is still what was made. */
import { z } from 'zod';
import { UnixSeconds } from './openai/common.ts';
import { ParityCertificate } from './parity.ts';
import { RunConfig, TrainingRun } from './training-run.ts';
import { ArtifactFile, Evaluation, WorkerEnvironment } from './worker.ts';

const ReceiptFile = z.object({
  file: z.string().describe('Its id on the platform that trained; another platform finds it by its hash.'),
  filename: z.string().nullable(),
  sha256: z.string().nullable().describe('Of the bytes that the worker read; null for runs before receipts.'),
  rows: z.int().min(0).nullable(),
});

export const ModelReceipt = z
  .object({
    object: z.literal('model.receipt'),
    version: z.literal(1),
    model: z.string(),
    kind: z.enum(['adapter', 'checkpoint']),
    step: z.int().min(0).nullable(),
    created_at: UnixSeconds,
    base: z.object({ model: z.string(), sha256: z.string() }),
    training: ReceiptFile,
    validation: ReceiptFile.nullable(),
    config: RunConfig,
    seed: z.int().min(0),
    run: z.object({
      id: z.string(),
      attempts: z.int().min(1),
      total_steps: z.int().nullable(),
      stopped_early: z
        .boolean()
        .describe('A person or its budget ended it before its last step: it cannot be made again from its configuration.'),
      trained_tokens: z.number().nullable(),
      seconds: z.number().nullable().describe('From its start to its end, pauses included; null while it runs.'),
      peak_memory_bytes: z.number().nullable(),
      energy_joules: z.number().nullable().describe('Null where the machine does not tell.'),
      cost_usd: z.number().nullable().describe('Null where no price is known.'),
    }),
    device: z.string().nullable(),
    threads: z.int().nullable().describe('Sums are rounded in another order on another number of threads.'),
    precision: z.string().nullable(),
    environment: WorkerEnvironment.nullable(),
    train_loss: z.number().nullable(),
    evaluation: Evaluation.nullable(),
    artifact: z.object({
      manifest_sha256: z.string(),
      adapter_sha256: z
        .string()
        .describe('Of the file that answers: adapter.gguf, or safetensors where llama.cpp cannot carry what was trained.'),
      config_sha256: z.string(),
      files: z.array(ArtifactFile),
    }),
    parity: ParityCertificate,
    sha256: z.string().describe('Of the canonical JSON of all of this but parity and this field.'),
  })
  .meta({ id: 'ModelReceipt' });
export type ModelReceipt = z.infer<typeof ModelReceipt>;

export const ReplayRequest = z
  .object({
    receipt: ModelReceipt,
    training_file: z.string().optional().describe('Id of a file with the same bytes; found by its hash when left out.'),
    validation_file: z.string().optional(),
  })
  .strict()
  .meta({ id: 'ReplayRequest' });
export type ReplayRequest = z.infer<typeof ReplayRequest>;

export const TrainingReplay = z
  .object({
    object: z.literal('training.replay'),
    run: TrainingRun,
    step: z.int().min(0).nullable().describe('The step whose adapter is to be compared; null is the final one.'),
    expected_sha256: z.string().describe('What the file that answers must hash to at that step.'),
  })
  .meta({ id: 'TrainingReplay' });
export type TrainingReplay = z.infer<typeof TrainingReplay>;

export const ModelVerification = z
  .object({
    object: z.literal('model.verification'),
    model: z.string(),
    ok: z.boolean().describe('Every file is what was committed, and parity has not failed.'),
    files: z
      .array(z.object({ path: z.string(), bytes: z.number(), problem: z.string().nullable() }))
      .describe('Of the version, then of its base model.'),
    parity: ParityCertificate.nullable().describe('Null for a base model.'),
  })
  .meta({ id: 'ModelVerification' });
export type ModelVerification = z.infer<typeof ModelVerification>;
