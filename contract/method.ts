/** How a model is trained: one shape a method. One more method: its options here, one file in `worker/methods/`, one line in its list. */
import { z } from 'zod';

/** Supervised fine-tuning: next-token loss on what the assistant says, none on the prompt. */
export const SupervisedMethod = z.object({ type: z.literal('supervised') }).meta({ id: 'SupervisedMethod' });

export const Method = z.discriminatedUnion('type', [SupervisedMethod]).meta({ id: 'Method' });
export type Method = z.infer<typeof Method>;
