/** The model that a conversation is with: the one named, or the newest tuned one, or a base model. */
import type { Model } from '#contract/openai/models.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';

export async function listModels(client: Client): Promise<Model[]> {
  return (await client.ask<{ data: Model[] }>('/v1/models')).data;
}

/** Throws `model_not_found` when the platform has no model at all. */
export async function defaultModel(client: Client): Promise<string> {
  const models = await listModels(client);
  const tuned = models.filter(({ x_kind }) => x_kind === 'adapter').sort((one, other) => other.created - one.created);
  // The scripted model is for testing clients; nobody wants to talk to it unless they say so.
  const chosen = tuned[0] ?? models.find(({ x_kind, id }) => x_kind === 'base' && id !== 'scripted') ?? models[0];
  if (chosen) return chosen.id;
  throw new CliError('model_not_found', 'this platform has no model yet', { fix: 'tuneloop model pull smollm2-135m-instruct' });
}
