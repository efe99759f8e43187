/** OpenAI's integrations of a fine-tuning job. */
import { z } from 'zod';
import { closedObject } from './request-problem.ts';

/** Where else the figures of a job go: to a tracker that the operator of the platform has configured. */
export const JobIntegration = closedObject({
  type: z.literal('wandb'),
  wandb: closedObject({
    project: z.string().min(1).max(128),
    name: z.string().min(1).max(128).nullish().describe('Of the run there; left out it is the suffix of the job, or its id.'),
    entity: z.string().min(1).max(128).nullish().describe('Team or user; left out it is that of the key.'),
    tags: z.array(z.string().min(1).max(64)).max(16).optional(),
  }),
}).meta({ id: 'JobIntegration' });
export type JobIntegration = z.infer<typeof JobIntegration>;
