/** What is trained: something small on the frozen base model, or all of it. One more kind: its shape here and one file in `worker/adapters/`. */
import { z } from 'zod';

const virtualTokens = z
  .int()
  .min(1)
  .max(512)
  .default(20)
  .describe('Learnt tokens before every text; the context of the model is shorter by as many.');

/** Low-rank adaptation (Hu et al. 2021): W + (lora_alpha / r) · B·A on the named linear layers. */
export const LoraAdapter = z
  .object({
    type: z.literal('lora'),
    r: z.int().min(1).max(512).default(16).describe('Rank r of the update B·A.'),
    lora_alpha: z.number().positive().default(32).describe('The update is scaled by lora_alpha / r.'),
    use_rslora: z
      .boolean()
      .default(false)
      .describe('Scales the update by lora_alpha / sqrt(r) instead (rsLoRA, Kalajdzievski 2023): for a large r.'),
    use_dora: z.boolean().default(false).describe('Learns the length of each column of W beside its direction (DoRA, Liu et al. 2024).'),
    init_lora_weights: z
      .enum(['kaiming', 'gaussian', 'orthogonal'])
      .default('kaiming')
      .describe('How A begins; B begins at 0. orthogonal: both do, in pairs that cancel out, so r is even.'),
    quantization: z
      .enum(['nf4'])
      .nullable()
      .default(null)
      .describe(
        'nf4 holds the frozen layers in four bits, with double quantisation (QLoRA, Dettmers et al. 2023): less memory, slower steps.',
      ),
    lora_dropout: z.number().min(0).max(0.9).default(0.05).describe('Dropout on the input of A, while training.'),
    target_modules: z
      .array(z.string().min(1))
      .min(1)
      .default(['q_proj', 'k_proj', 'v_proj', 'o_proj'])
      .describe('Names of the linear layers that get an update.'),
    layers_to_transform: z
      .array(z.int().min(0))
      .min(1)
      .nullable()
      .default(null)
      .describe('Indices of the transformer layers that get an update; null is all of them.'),
  })
  .meta({ id: 'LoraAdapter' });
export type LoraAdapter = z.infer<typeof LoraAdapter>;

/** All weights (full fine-tuning). In memory 16 bytes a parameter: weights, gradients and the two moments of Adam, all in fp32. */
export const FullAdapter = z.object({ type: z.literal('full') }).meta({ id: 'FullAdapter' });

/** (IA)³ (Liu et al. 2022): learnt vectors that scale the outputs of some layers and the inputs of others. */
export const Ia3Adapter = z
  .object({
    type: z.literal('ia3'),
    target_modules: z
      .array(z.string().min(1))
      .min(1)
      .default(['k_proj', 'v_proj', 'down_proj'])
      .describe('Names of the linear layers that get a vector.'),
    feedforward_modules: z
      .array(z.string().min(1))
      .default(['down_proj'])
      .describe('Those of them whose input is scaled; of the others it is the output.'),
  })
  .meta({ id: 'Ia3Adapter' });

/** Prompt tuning (Lester et al. 2021): learnt embeddings before every text. */
export const PromptTuningAdapter = z
  .object({
    type: z.literal('prompt_tuning'),
    num_virtual_tokens: virtualTokens,
    prompt_tuning_init_text: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('They begin as the embeddings of these words, repeated or cut to their number; null is at random.'),
  })
  .meta({ id: 'PromptTuningAdapter' });

/** Prefix tuning (Li and Liang 2021): learnt keys and values before every text, in every layer. */
export const PrefixTuningAdapter = z
  .object({
    type: z.literal('prefix_tuning'),
    num_virtual_tokens: virtualTokens,
    prefix_projection: z.boolean().default(false).describe('Learns them through a network of two layers, which is left out afterwards.'),
  })
  .meta({ id: 'PrefixTuningAdapter' });

/** LLaMA-Adapter (Zhang et al. 2023): learnt tokens that the upper layers look at, through gates that begin closed. */
export const AdaptionPromptAdapter = z
  .object({
    type: z.literal('adaption_prompt'),
    adapter_len: z.int().min(1).max(512).default(10).describe('Learnt tokens of a layer.'),
    adapter_layers: z.int().min(1).default(30).describe('How many layers have them, from the top.'),
  })
  .meta({ id: 'AdaptionPromptAdapter' });

export const Adapter = z
  .discriminatedUnion('type', [LoraAdapter, FullAdapter, Ia3Adapter, PromptTuningAdapter, PrefixTuningAdapter, AdaptionPromptAdapter])
  .meta({ id: 'Adapter' });
export type Adapter = z.infer<typeof Adapter>;
export type AdapterType = Adapter['type'];

/** The file that an engine loads of what was trained: llama.cpp serves a plain update of low rank beside its base, and nothing else. */
export function servedFileOf(adapter: { type: AdapterType; use_dora?: boolean }): ServedFile {
  if (adapter.type === 'lora' && !adapter.use_dora) return 'adapter.gguf';
  return adapter.type === 'full' ? 'model.safetensors' : 'adapter_model.safetensors';
}
export type ServedFile = 'adapter.gguf' | 'adapter_model.safetensors' | 'model.safetensors';
