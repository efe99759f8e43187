/** What "auto" means for a method other than supervised training: the choice by model and data size, changed where the method asks for it. */
import type { MethodType } from '#contract/method.ts';
import type { ChosenHyperparameters, Reasons } from './choose-hyperparameters.ts';

type Choice = ChosenHyperparameters & { why: Reasons };

/** Against the rate and the epochs of supervised training. docs/training.md has what was measured with them. */
const changes: Record<Exclude<MethodType, 'supervised'>, { rate: number; epochs: number; ground: string }> = {
  dpo: { rate: 0.2, epochs: 0.5, ground: 'a preference moves the whole answer at once' },
  orpo: { rate: 0.5, epochs: 1, ground: 'it learns the answers too' },
  simpo: { rate: 0.2, epochs: 0.5, ground: 'no reference model holds it back' },
  grpo: { rate: 0.2, epochs: 1, ground: 'it learns from what it says itself' },
  reward: { rate: 0.2, epochs: 0.5, ground: 'a score depends on the whole answer at once' },
  ppo: { rate: 0.1, epochs: 1, ground: 'it learns from what it says itself, several times over' },
  constitutional: { rate: 0.2, epochs: 1, ground: 'a preference moves the whole answer at once' },
  kto: { rate: 0.2, epochs: 1, ground: 'a label moves the whole answer at once' },
};

export function chooseForMethod(choice: Choice, method: MethodType): Choice {
  if (method === 'supervised') return choice;
  const { rate, epochs, ground } = changes[method];
  const learningRate = Number((choice.learning_rate * rate).toPrecision(2));
  return {
    ...choice,
    learning_rate: learningRate,
    n_epochs: Math.max(1, Math.round(choice.n_epochs * epochs)),
    batch_size: Math.max(2, choice.batch_size),
    prompt_dropout: 0,
    why: {
      ...choice.why,
      learning_rate: `${learningRate}: ${rate} of ${choice.learning_rate}, the rate for supervised training at this size; ${ground}`,
      n_epochs:
        epochs === 1 ? choice.why.n_epochs : `${epochs} of the epochs of supervised training, which would be ${choice.n_epochs}; ${ground}`,
      prompt_dropout: `${method} takes whole prompts`,
    },
  };
}
