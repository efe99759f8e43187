/** What is trained on top of the frozen base model. One more kind: its shape here and one file in `worker/adapters/`. */
import { z } from 'zod';

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

export const Adapter = z.discriminatedUnion('type', [LoraAdapter]).meta({ id: 'Adapter' });
export type Adapter = z.infer<typeof Adapter>;
