/** What may stand in a lane: everything that answers now, and the runs that are training. */
import { useQuery } from '@tanstack/react-query';
import type { Model } from '#contract/openai/models.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { modelsQuery, runsQuery } from '../api/queries.ts';
import { nameOfRun } from '../runs/name-of-run.ts';
import { livePrefix } from './conversation.ts';

export interface LaneOption {
  model: string;
  label: string;
}

export interface LaneOptions {
  /** By kind, in the order in which they are offered; none is empty. */
  groups: { label: string; options: LaneOption[] }[];
  isPending: boolean;
  error: unknown;
  retry: () => void;
}

/** Kinds of the contract; one that is not here is offered under its own name. */
const kinds: [Model['x_kind'], string][] = [
  ['alias', 'Aliases'],
  ['adapter', 'Tuned models'],
  ['checkpoint', 'Checkpoints'],
  ['base', 'Base models'],
  ['upstream', 'Other servers'],
];

export function useLaneOptions(): LaneOptions {
  const models = useQuery(modelsQuery());
  const runs = useQuery(runsQuery());
  const all = models.data?.data ?? [];
  const groups = [
    { label: 'Training now', options: (runs.data?.data ?? []).filter(({ status }) => status === 'running').map(liveOption) },
    ...kinds.map(([kind, label]) => ({ label, options: all.filter(({ x_kind: own }) => own === kind).map(modelOption) })),
  ];
  return {
    groups: groups.filter(({ options }) => options.length > 0),
    isPending: models.isPending,
    error: models.error,
    retry: () => void models.refetch(),
  };
}

/** What a fresh playground shows: the newest tuned model beside its base, or what there is. */
export function usualLanes({ groups }: LaneOptions): string[] {
  const of = (label: string) => groups.find((group) => group.label === label)?.options.map(({ model }) => model) ?? [];
  const [tuned] = of('Tuned models');
  const [base] = of('Base models');
  const first = [tuned, base].filter((model) => model !== undefined);
  return first.length > 0 ? first : groups.flatMap(({ options }) => options.map(({ model }) => model)).slice(0, 1);
}

function modelOption({ id, x_step: step, x_kind: kind }: Model): LaneOption {
  return { model: id, label: kind === 'checkpoint' && step !== null ? `${id} (step ${step})` : id };
}

function liveOption(run: TrainingRun): LaneOption {
  return { model: livePrefix + run.id, label: `${nameOfRun(run)}, live (step ${run.step})` };
}
