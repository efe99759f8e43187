/** The plain request: the likeliest token each time, nothing filtered, penalised or forced. */
import type { GenerateRequest, ServedVersion } from './engine.ts';

export function greedyRequest(version: ServedVersion, prompt: number[], maxTokens: number): GenerateRequest {
  return {
    version,
    prompt,
    maxTokens,
    temperature: 0,
    topP: 1,
    topK: null,
    minP: null,
    seed: null,
    stop: [],
    frequencyPenalty: 0,
    presencePenalty: 0,
    logitBias: {},
    topLogprobs: null,
    echo: false,
    format: { type: 'text' },
  };
}
