/** The base models that the platform knows, and whether each is here. */
import { queryOptions } from '@tanstack/react-query';
import { call } from '../api/call.ts';

export interface BaseModel {
  id: string;
  name: string;
  architecture: string;
  parameters: number;
  context_length: number;
  license: string;
  memory_gb: { lora: number; qlora: number; inference: number };
  /** absent is known, and can be pulled. */
  state: 'ready' | 'absent' | 'unsupported';
  /** Where its weights come from; `scripted` has none and is not trained. */
  source: string;
}

export function baseModelsQuery() {
  return queryOptions({
    queryKey: ['base-models'],
    queryFn: ({ signal }) => call<{ data: BaseModel[] }>('/api/v1/models', { signal }),
    select: ({ data }) => data.filter(({ source }) => source !== 'scripted'),
    staleTime: 10_000,
  });
}

/** `135M`, `6.7B` */
export function sizeOf(parameters: number): string {
  return parameters >= 1e9 ? `${Number((parameters / 1e9).toPrecision(2))}B` : `${Math.round(parameters / 1e6)}M`;
}
