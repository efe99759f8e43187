/** The engines that a setting may name. A new one: its file beside these, and a line here. */
import type { Registry } from '#platform/core/driver.ts';
import type { Engine } from '../engine.ts';

export const engines: Registry<Engine> = {
  'llama-cpp': () => import('./llama-cpp.ts'),
  'openai-compatible': () => import('./openai-compatible.ts'),
  scripted: () => import('./scripted.ts'),
  transformers: () => import('./transformers.ts'),
};
