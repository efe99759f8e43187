/** What one may want of a run, in words, and the settings that serve it. */

export interface Goal {
  name: string;
  label: string;
  /** What it does, and what it rests on. */
  explanation: string;
  /** By path, as they would be typed. */
  settings: Record<string, string>;
}

export const goals: Goal[] = [
  {
    name: 'auto',
    label: 'Let the platform choose',
    explanation: 'Every setting follows from the size of the model and of the data; the plan says why.',
    settings: {},
  },
  {
    name: 'facts',
    label: 'Teach facts',
    explanation: 'Words of the questions go missing while training, so that other wordings are answered too; tried on two data sets.',
    settings: { prompt_dropout: '0.2' },
  },
  {
    name: 'style',
    label: 'Teach a style',
    explanation: 'Three epochs on whole prompts: a manner needs fewer passes than facts do. A starting point; not measured here.',
    settings: { n_epochs: '3', prompt_dropout: '0' },
  },
  {
    name: 'try',
    label: 'Try it out',
    explanation: 'Twenty steps: whether the data loads and the loss falls, in a minute or so.',
    settings: { max_steps: '20' },
  },
];
