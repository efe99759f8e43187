/** The quick lane (`speed: quick`): adapters on the top layers alone; all below is frozen, so it is computed once a row, and kept. */
import type { ChosenHyperparameters, Reasons } from './choose-hyperparameters.ts';

/** Share of the layers that is adapted: 10 of the demo model's 30 (docs/auto-hyperparameters.md, "The quick lane"). */
const adaptedShare = 1 / 3;
/** Fewer adapters move less at the same rate: 2e-3 against 1.5e-3 was measured on the demo model. */
const rateFactor = 4 / 3;

/** The choice for the full lane, changed to that of the quick one, for a model of so many layers. */
export function quickLane<Choice extends ChosenHyperparameters>(choice: Choice, layers: number): Choice {
  const adapted = Math.max(1, Math.round(layers * adaptedShare));
  return {
    ...choice,
    layers_to_transform: Array.from({ length: adapted }, (_, at) => layers - adapted + at),
    learning_rate: Number((choice.learning_rate * rateFactor).toPrecision(2)),
    prompt_dropout: 0,
  };
}

/** The reasons for what the quick lane changes, the others as they are. */
export function quickReasons(why: Reasons, choice: ChosenHyperparameters): Reasons {
  return {
    ...why,
    layers_to_transform: `the quick lane: the last ${choice.layers_to_transform?.length}; what the layers below say of a row is computed once`,
    learning_rate: `${choice.learning_rate}: the quick lane moves fewer weights, each a third further`,
    prompt_dropout: 'the quick lane keeps what the lower layers say of a row, so a row is the same in every epoch',
  };
}
