/** How the playground's lanes are asked to pick their words, as typed; the address carries it. */

export interface Sampling {
  system: string;
  temperature: string;
  topP: string;
  maxTokens: string;
  seed: string;
  /** Texts that end an answer, one a line. */
  stop: string;
  /** Whether tokens come with their probabilities. */
  withProbabilities: boolean;
}

export const usualSampling: Sampling = {
  system: '',
  temperature: '0.7',
  topP: '1',
  maxTokens: '256',
  seed: '',
  stop: '',
  withProbabilities: true,
};

/** Fields of the request that are not the model's and the messages'; what is empty is left out. */
export function samplingFields(sampling: Sampling): Record<string, unknown> {
  const stop = sampling.stop.split('\n').filter((line) => line !== '');
  const number = (name: string, text: string) => (text.trim() === '' || !Number.isFinite(Number(text)) ? {} : { [name]: Number(text) });
  return {
    ...number('temperature', sampling.temperature),
    ...number('top_p', sampling.topP),
    ...number('max_completion_tokens', sampling.maxTokens),
    ...number('seed', sampling.seed),
    ...(stop.length > 0 && { stop }),
  };
}

interface NumberBox {
  name: 'temperature' | 'topP' | 'maxTokens' | 'seed';
  label: string;
  placeholder: string;
  takes: string;
  accepts: (value: number) => boolean;
}

/** The ranges are the contract's: a wrong value is marked as it is typed. */
export const numberBoxes: NumberBox[] = [
  { name: 'temperature', label: 'Temperature', placeholder: '1', takes: '0 to 2', accepts: (value) => value >= 0 && value <= 2 },
  { name: 'topP', label: 'Top p', placeholder: '1', takes: 'above 0, to 1', accepts: (value) => value > 0 && value <= 1 },
  {
    name: 'maxTokens',
    label: 'Most tokens',
    placeholder: 'no limit',
    takes: '1 or more',
    accepts: (value) => Number.isInteger(value) && value >= 1,
  },
  { name: 'seed', label: 'Seed', placeholder: 'drawn', takes: 'a whole number', accepts: Number.isInteger },
];
