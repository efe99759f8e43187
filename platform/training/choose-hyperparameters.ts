/** What `"auto"` means: hyperparameters from the size of the model and of the data, each with its reason. */

/** What the choice depends on. All are counts; `trained_tokens` are those that carry loss in one epoch, null when nobody has counted. */
export interface Sizes {
  parameters: number;
  layers: number;
  rows: number;
  trained_tokens: number | null;
}

export interface ChosenHyperparameters {
  n_epochs: number;
  batch_size: number;
  gradient_accumulation_steps: number;
  learning_rate: number;
  target_modules: string[];
  /** null is all layers. */
  layers_to_transform: number[] | null;
  lora_dropout: number;
  warmup_ratio: number;
  weight_decay: number;
  prompt_dropout: number;
}

export type Reasons = Record<keyof ChosenHyperparameters, string>;

const attention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'];
const allLinear = [...attention, 'gate_proj', 'up_proj', 'down_proj'];

/** The two ends of the rule: the small one tried (docs/auto-hyperparameters.md says what of it was measured), the large one the field's common recipe. */
const small = {
  parameters: 135e6,
  learningRate: 1.5e-3,
  effectiveBatch: 8,
  steps: 80,
  dropout: 0,
  promptDropout: 0.2,
  mostVariedRows: 2000,
};
const large = { parameters: 7e9, learningRate: 3e-4, effectiveBatch: 16, dropout: 0.05 };
/** The usual recipe at 7B adapts attention alone; the MLP's adapters would more than double the adapter. Where between to change over is a guess. */
const attentionOnlyFrom = 3e9;
const leastEpochs = 3;
const mostEpochs = 10;
const rowsAtOnce = 4;

/** Never throws: counts below 1 are taken as 1. The same sizes give the same choice. */
export function chooseHyperparameters(sizes: Sizes): ChosenHyperparameters & { why: Reasons } {
  const scale = largeness(sizes.parameters);
  const rows = Math.max(1, Math.floor(sizes.rows));
  const batch = chooseBatch(scale, rows);
  const epochs = chooseEpochs(scale, rows, batch.batch_size * batch.gradient_accumulation_steps);
  const size = inWords(sizes.parameters);
  const learningRate = roundTo2Digits(small.learningRate * (large.learningRate / small.learningRate) ** scale);
  const promptDropout = choosePromptDropout(scale, rows);
  const isLarge = sizes.parameters >= attentionOnlyFrom;
  return {
    ...batch,
    n_epochs: epochs,
    learning_rate: learningRate,
    target_modules: isLarge ? [...attention] : [...allLinear],
    layers_to_transform: null,
    lora_dropout: Math.round(100 * large.dropout * scale) / 100,
    warmup_ratio: 0.05,
    weight_decay: 0,
    prompt_dropout: promptDropout,
    why: explain(sizes, {
      scale,
      size,
      isLarge,
      rows,
      epochs,
      effectiveBatch: batch.batch_size * batch.gradient_accumulation_steps,
      learningRate,
      promptDropout,
    }),
  };
}

/** Only where few rows meet a small model: many rows bring their own wordings, and a large model knows what a question means. */
function choosePromptDropout(scale: number, rows: number): number {
  return scale < 0.5 && rows <= small.mostVariedRows ? small.promptDropout : 0;
}

/** 0 at the small end and below, 1 at the large end and above, the logarithm of the size in between. */
function largeness(parameters: number): number {
  const position = Math.log(Math.max(1, parameters) / small.parameters) / Math.log(large.parameters / small.parameters);
  return Math.min(1, Math.max(0, position));
}

/** Rows an optimiser step: 8 to 16 by model size, never more than the rows there are; at most four of them at once on a large model. */
function chooseBatch(scale: number, rows: number): { batch_size: number; gradient_accumulation_steps: number } {
  const wanted = Math.min(rows, scale < 0.5 ? small.effectiveBatch : large.effectiveBatch);
  if (wanted <= small.effectiveBatch && scale < 0.5) return { batch_size: wanted, gradient_accumulation_steps: 1 };
  const batchSize = Math.min(rowsAtOnce, wanted);
  return { batch_size: batchSize, gradient_accumulation_steps: Math.max(1, Math.floor(wanted / batchSize)) };
}

/** Enough epochs for some eighty optimiser steps on a small model, three on a large one, the logarithm of the size in between. */
function chooseEpochs(scale: number, rows: number, effectiveBatch: number): number {
  const forSteps = Math.ceil(small.steps / Math.ceil(rows / effectiveBatch));
  const atSmallEnd = Math.min(mostEpochs, Math.max(leastEpochs, forSteps));
  return Math.round(atSmallEnd + (leastEpochs - atSmallEnd) * scale);
}

interface Grounds {
  scale: number;
  size: string;
  isLarge: boolean;
  rows: number;
  epochs: number;
  effectiveBatch: number;
  learningRate: number;
  promptDropout: number;
}

function explain({ layers, trained_tokens }: Sizes, grounds: Grounds): Reasons {
  const { scale, size, isLarge, rows, epochs, effectiveBatch, learningRate, promptDropout } = grounds;
  const steps = epochs * Math.ceil(rows / effectiveBatch);
  const data = trained_tokens === null ? `${rows} rows` : `${rows} rows (${trained_tokens} trained tokens)`;
  return {
    n_epochs: `${data} in ${epochs} epochs are ${steps} steps${scale === 1 ? '; three epochs are the usual recipe at 7B and more' : ''}`,
    batch_size: `${effectiveBatch} rows an optimiser step suit a model of ${size} and ${rows} rows`,
    gradient_accumulation_steps: `makes ${effectiveBatch} rows an optimiser step`,
    learning_rate: `${learningRate} for ${size} parameters: between 0.0015, tried at 135M, and 0.0003, the usual recipe at 7B`,
    target_modules: isLarge
      ? `attention alone, as in the usual recipe at 7B, for ${size} parameters`
      : `all linear layers for ${size} parameters: on the demo model attention alone or the MLP alone learnt less`,
    layers_to_transform: `all ${layers}, the usual choice: the last five alone learnt less on the demo model`,
    lora_dropout: scale === 0 ? 'it was not seen to help the demo model' : 'towards 0.05, the usual recipe at 7B',
    warmup_ratio: 'the first steps of Adam are its least certain',
    weight_decay: 'none, as in the usual recipe',
    prompt_dropout:
      promptDropout > 0
        ? 'few rows ask in few wordings: with words missing, paraphrases are learnt too'
        : 'enough rows or parameters to go without',
  };
}

function inWords(parameters: number): string {
  return parameters >= 1e9 ? `${roundTo2Digits(parameters / 1e9)}B` : `${Math.max(1, Math.round(parameters / 1e6))}M`;
}

function roundTo2Digits(value: number): number {
  return Number(value.toPrecision(2));
}
