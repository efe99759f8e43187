/** The playground as its address carries it: lanes, sampling, and the questions; the answers stay in the browser's tab. */
import { mostLanes, type Lane, type Turn } from './conversation.ts';
import { usualSampling, type Sampling } from './sampling.ts';

export interface PlaygroundState {
  lanes: Lane[];
  sampling: Sampling;
}

/** Longer addresses are cut by proxies and chat programs. */
const mostCharacters = 4000;
const answersKey = 'tuneloop-playground';

const boxes: Record<string, Exclude<keyof Sampling, 'withProbabilities'>> = {
  system: 'system',
  temperature: 'temperature',
  top_p: 'topP',
  max: 'maxTokens',
  seed: 'seed',
  stop: 'stop',
};

/** Ids of models have no spaces. */
export const spelling = {
  names: ['lanes', 'model', 'probabilities', ...Object.keys(boxes)],
  read(search: Record<string, string | undefined>): PlaygroundState {
    // `model` is how other pages link here.
    const models = (search['lanes'] ?? search['model'] ?? '').split(' ').filter(Boolean);
    const given = Object.entries(boxes).flatMap(([name, box]) => (search[name] === undefined ? [] : [[box, search[name]]]));
    return {
      lanes: models.slice(0, mostLanes).map((model, index) => ({ id: index + 1, model })),
      sampling: { ...usualSampling, ...Object.fromEntries(given), withProbabilities: search['probabilities'] !== 'no' } as Sampling,
    };
  },
  write({ lanes, sampling }: PlaygroundState): Record<string, string> {
    const changed = Object.entries(boxes).filter(([, box]) => sampling[box] !== usualSampling[box]);
    return {
      ...(lanes.length > 0 && { lanes: lanes.map(({ model }) => model).join(' ') }),
      ...Object.fromEntries(changed.map(([name, box]) => [name, sampling[box]])),
      ...(!sampling.withProbabilities && { probabilities: 'no' }),
    };
  },
};

/** For the address; empty when there are none, or too many to be carried. */
export function writeQuestions(turns: readonly Turn[]): string {
  if (turns.length === 0) return '';
  const text = JSON.stringify(turns.map(({ question }) => question));
  return text.length <= mostCharacters ? text : '';
}

/** The turns of the address; with the answers of this tab when they are answers to these questions. */
export function readTurns(questions: string, lanes: readonly Lane[]): Turn[] {
  const kept = keptTurns(lanes);
  if (questions === '') return kept.length > 0 && writeQuestions(kept) === '' ? kept : [];
  if (writeQuestions(kept) === questions) return kept;
  const asked = parsed(questions);
  if (!Array.isArray(asked)) return [];
  return asked.map((question, index) => ({ id: index + 1, question: String(question), answers: {} }));
}

/** A full or forbidden storage only means that a reload asks again. */
export function keepTurns(turns: readonly Turn[], lanes: readonly Lane[]): void {
  try {
    sessionStorage.setItem(answersKey, JSON.stringify({ lanes, turns }));
  } catch {
    // Nothing is lost that cannot be asked again.
  }
}

/** Answers of lanes that have another model now are left out. */
function keptTurns(lanes: readonly Lane[]): Turn[] {
  const kept = parsed(sessionStorage.getItem(answersKey) ?? '') as { lanes: Lane[]; turns: Turn[] } | null;
  if (!kept) return [];
  const isSame = (id: string): boolean =>
    kept.lanes.some((lane) => String(lane.id) === id && lanes.some((now) => now.id === lane.id && now.model === lane.model));
  return kept.turns.map((turn) => ({ ...turn, answers: Object.fromEntries(Object.entries(turn.answers).filter(([id]) => isSame(id))) }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
