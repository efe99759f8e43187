/** A model in a form that other programs load: what the worker is asked for, what it leaves, and how an export is shown. */
import { z } from 'zod';
import { UnixSeconds } from './openai/common.ts';
import { ArtifactFile } from './worker.ts';

/** One more form: a value here, and one line in `worker/exports/__init__.py`. */
export const ExportForm = z
  .enum(['safetensors', 'gguf-f16', 'gguf-q8_0', 'gguf-q4_k_m', 'gptq-int4', 'awq-int4', 'bnb-nf4', 'bnb-int8'])
  .describe(
    'A tuned model is merged into its base first. safetensors: fp32, as it was trained. gguf: for llama.cpp and its kin. gptq, awq: for vLLM and transformers. bnb: for transformers.',
  )
  .meta({ id: 'ExportForm' });
export type ExportForm = z.infer<typeof ExportForm>;

/** File that the command `export` reads. All paths are absolute. */
export const ExportTask = z
  .object({
    form: ExportForm,
    model: z.string().describe('Id of the model that is exported.'),
    name: z.string().describe('What files are called that are named after the model: letters, digits, ".", "_" and "-".'),
    base_model: z.string(),
    base_sha256: z.string(),
    model_dir: z.string().describe('Folder of the base model.'),
    adapter_dir: z.string().nullable().describe('Folder of the adapter; null exports the base model as it is.'),
    adapter_sha256: z.string().nullable(),
    method: z.string().nullable().describe('How the model was tuned; null for a base model.'),
    training_file: z
      .string()
      .nullable()
      .describe('Rows that it was tuned on, which GPTQ and AWQ are calibrated on; null for a base model, and where they are gone.'),
    chat_template: z.string().nullable().describe("Jinja source that the model was taught with; null is the base model's own."),
    llama_library: z.string().nullable().describe("The engine's libllama, which quantises GGUF files; null where there is none."),
    quantizers: z
      .string()
      .nullable()
      .describe('Folder with the libraries of GPTQ, AWQ and bitsandbytes; null where they are not installed.'),
    threads: z.int().min(1),
    output_dir: z.string().describe('Folder to make, whole or not at all; one that is there makes way.'),
    progress_file: z.string().describe('Where an ExportProgress is kept while it goes on.'),
  })
  .meta({ id: 'ExportTask' });
export type ExportTask = z.infer<typeof ExportTask>;

export const ExportProgress = z
  .object({
    phase: z.enum(['merging', 'writing', 'converting', 'quantizing', 'checking']),
    step: z.int().min(1),
    steps: z.int().min(1),
  })
  .meta({ id: 'ExportProgress' });
export type ExportProgress = z.infer<typeof ExportProgress>;

/** `manifest.json` of an export: written last, fsynced, before the folder gets its name. */
export const ExportManifest = z
  .object({
    version: z.literal(1),
    form: ExportForm,
    model: z.string(),
    base_model: z.string(),
    base_sha256: z.string(),
    adapter_sha256: z.string().nullable(),
    files: z.array(ArtifactFile),
  })
  .meta({ id: 'ExportManifest' });
export type ExportManifest = z.infer<typeof ExportManifest>;

export const ModelExportRequest = z.strictObject({ form: ExportForm }).meta({ id: 'ModelExportRequest' });
export type ModelExportRequest = z.infer<typeof ModelExportRequest>;

/** A form of a model: there is one of each at most. */
export const ModelExport = z
  .object({
    object: z.literal('model.export'),
    model: z.string(),
    form: ExportForm,
    state: z.enum(['queued', 'running', 'ready', 'failed']),
    progress: ExportProgress.nullable().describe('While it runs.'),
    failure: z.object({ code: z.string(), message: z.string() }).nullable(),
    created_at: UnixSeconds,
    finished_at: UnixSeconds.nullable(),
    path: z.string().nullable().describe("Folder on the platform's machine, once it is ready."),
    bytes: z.int().min(0).nullable().describe('Of all files.'),
    files: z.array(ArtifactFile).describe('GET …/exports/{form}/files/{path} answers each.'),
  })
  .meta({ id: 'ModelExport' });
export type ModelExport = z.infer<typeof ModelExport>;

export const ModelExportList = z
  .object({ object: z.literal('list'), data: z.array(ModelExport).describe('Newest first.') })
  .meta({ id: 'ModelExportList' });
export type ModelExportList = z.infer<typeof ModelExportList>;

export const ModelExportDeleted = z
  .object({ object: z.literal('model.export'), model: z.string(), form: ExportForm, deleted: z.literal(true) })
  .meta({ id: 'ModelExportDeleted' });
export type ModelExportDeleted = z.infer<typeof ModelExportDeleted>;
