/** What the serving engine answered against what the trained model says at the same places: counts, differences, verdict. */
import type { ParityCertificate, ParityDifference, ScoredPlace, ScoredPrompt } from '#contract/parity.ts';
import type { TokenLogprob } from '#platform/inference/engine.ts';

/** One greedy answer of the engine. */
export interface ServedAnswer {
  /** The last message of the prompt. */
  asked: string;
  promptIds: number[];
  tokens: TokenLogprob[];
  /** Whether the engine ended it by itself, rather than for want of room. */
  isEnded: boolean;
}

/** In nats. Two tokens nearer than `tolerance` are a tie; the other two bound how far the log-probabilities may lie apart. */
export interface ParityLimits {
  tolerance: number;
  largest_allowed: number;
  mean_allowed: number;
}

export type Comparison = Pick<
  ParityCertificate,
  | 'prompts'
  | 'equal_prompts'
  | 'places'
  | 'agreeing_places'
  | 'decided_places'
  | 'agreeing_decided_places'
  | 'largest_difference'
  | 'mean_difference'
  | 'differences'
> & { failure: string | null };

interface Place {
  isAgreed: boolean;
  isDecided: boolean;
  /** Null behind the last token: engines do not tell how sure they were to end. */
  difference: number | null;
  shown: ParityDifference;
}

const mostShown = 20;

export function compareAnswers(served: ServedAnswer[], scored: ScoredPrompt[], limits: ParityLimits): Comparison {
  const unequal = served.flatMap((answer, index) => promptDifference(answer, scored[index]!));
  const places = served.flatMap((answer, index) =>
    isSame(answer.promptIds, scored[index]!.prompt_ids) ? placesOf(answer, scored[index]!, limits) : [],
  );
  const differences = places.flatMap(({ difference }) => (difference === null ? [] : [difference]));
  const decided = places.filter(({ isDecided }) => isDecided);
  const largest = differences.length === 0 ? null : Math.max(...differences);
  const mean = differences.length === 0 ? null : differences.reduce((sum, one) => sum + one, 0) / differences.length;
  const wrong = decided.filter(({ isAgreed }) => !isAgreed);
  const far = places.filter(({ difference }) => difference !== null && difference > limits.largest_allowed);
  const ties = places.filter(({ isAgreed, isDecided }) => !isAgreed && !isDecided);
  return {
    prompts: served.length,
    equal_prompts: served.length - unequal.length,
    places: places.length,
    agreeing_places: places.filter(({ isAgreed }) => isAgreed).length,
    decided_places: decided.length,
    agreeing_decided_places: decided.length - wrong.length,
    largest_difference: largest,
    mean_difference: mean,
    differences: [...unequal, ...wrong.map(({ shown }) => shown), ...far.map(farShown), ...ties.map(({ shown }) => shown)].slice(
      0,
      mostShown,
    ),
    failure: failureOf({ unequal: unequal.length, wrong: wrong.length, places: places.length, largest, mean }, limits),
  };
}

interface Found {
  unequal: number;
  wrong: number;
  places: number;
  largest: number | null;
  mean: number | null;
}

/** The first reason for which it is no parity. */
function failureOf({ unequal, wrong, places, largest, mean }: Found, limits: ParityLimits): string | null {
  if (unequal > 0)
    return `${unequal} prompts have other token ids where they are served than where they were trained: template or tokenizer differ`;
  if (places === 0) return 'the engine answered nothing that could be compared';
  if (wrong > 0) return `${wrong} tokens are others than the trained model would have said, and not for a tie`;
  if (mean !== null && mean > limits.mean_allowed) {
    return `log-probabilities lie ${mean.toPrecision(3)} nats apart on average, and ${limits.mean_allowed} are allowed`;
  }
  if (largest !== null && largest > limits.largest_allowed) {
    return `a log-probability lies ${largest.toPrecision(3)} nats apart, and ${limits.largest_allowed} are allowed`;
  }
  return null;
}

function promptDifference({ asked, promptIds }: ServedAnswer, { prompt_ids }: ScoredPrompt): ParityDifference[] {
  if (isSame(promptIds, prompt_ids)) return [];
  const place = promptIds.findIndex((id, index) => id !== prompt_ids[index]);
  const at = place === -1 ? promptIds.length : place;
  const show = (ids: number[]): string => (ids[at] === undefined ? 'nothing' : `token ${ids[at]}`);
  return [{ prompt: shortened(asked), place: at, kind: 'prompt', served: show(promptIds), trained: show(prompt_ids), margin: null }];
}

function placesOf(answer: ServedAnswer, { places }: ScoredPrompt, limits: ParityLimits): Place[] {
  const said = answer.tokens.map((token, index): Place => {
    const place = places[index]!;
    return {
      isAgreed: place.best[0] === token.tokenId,
      isDecided: marginOf(place) > limits.tolerance,
      difference: Math.abs(token.logprob! - place.logprobs[0]!),
      shown: shownPlace(answer, index, 'token', JSON.stringify(token.text), `token ${place.best[0]}`, place),
    };
  });
  const last = places[answer.tokens.length];
  if (!answer.isEnded || !last) return said;
  const shown = shownPlace(answer, answer.tokens.length, 'end', 'the end', `token ${last.best[0]}`, last);
  return [...said, { isAgreed: last.ends, isDecided: marginOf(last) > limits.tolerance, difference: null, shown }];
}

function shownPlace(
  { asked }: ServedAnswer,
  place: number,
  kind: ParityDifference['kind'],
  served: string,
  trained: string,
  scored: ScoredPlace,
): ParityDifference {
  return { prompt: shortened(asked), place, kind, served, trained, margin: marginOf(scored) };
}

function farShown({ shown, difference }: Place): ParityDifference {
  return { ...shown, kind: 'logprob', trained: `${difference!.toPrecision(3)} nats from it` };
}

function marginOf({ best_logprobs }: ScoredPlace): number {
  return best_logprobs[0]! - (best_logprobs[1] ?? -Infinity);
}

function isSame(left: number[], right: number[]): boolean {
  return left.length === right.length && left.every((id, index) => id === right[index]);
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
