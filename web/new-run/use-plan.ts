/** The plan of the draft: asked for once, followed while it measures, and known to be stale when the draft is another one. */
import { useMutation, useQuery } from '@tanstack/react-query';
import type { TrainingPlan, TrainingPlanScores } from '#contract/plan.ts';
import { call } from '../api/call.ts';
import { useUrlState } from '../components/use-url-state.ts';
import type { RunRequest } from './draft.ts';

const followMs = 500;

export interface PlanState {
  /** Of the draft as it is now; null when there is none, or an older one. */
  plan: TrainingPlan | null;
  isStale: boolean;
  isAsking: boolean;
  error: unknown;
  measure: () => void;
  cancel: () => void;
}

export function usePlan(request: RunRequest): PlanState {
  // The address keeps which plan it is, and of which request: a reload finds it again.
  const [kept, setKept] = useUrlState('plan');
  const [id = '', digest = ''] = kept.split('~');
  const now = digestOf(JSON.stringify(withoutBudget(request)));
  const ask = useMutation({
    mutationFn: () => call<TrainingPlan>('/api/v1/training/plans', { body: request }),
    onSuccess: (plan) => setKept(`${plan.id}~${now}`),
  });
  const followed = useQuery({
    queryKey: ['plan', id],
    queryFn: ({ signal }) => call<TrainingPlan>(`/api/v1/training/plans/${encodeURIComponent(id)}`, { signal }),
    enabled: id !== '',
    refetchInterval: ({ state }) => (state.data?.state === 'measuring' ? followMs : false),
    staleTime: Infinity,
  });
  const cancelling = useMutation({
    mutationFn: () => call(`/api/v1/training/plans/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    onSuccess: () => setKept(''),
  });
  const isCurrent = id !== '' && digest === now;
  return {
    plan: isCurrent ? (followed.data ?? null) : null,
    isStale: id !== '' && !isCurrent,
    isAsking: ask.isPending || (isCurrent && followed.isPending),
    error: ask.error ?? (isCurrent ? followed.error : null),
    measure: () => ask.mutate(),
    cancel: () => cancelling.mutate(),
  };
}

/** How good the last plans were. */
export function usePlanScores() {
  return useQuery({
    queryKey: ['plan-scores'],
    queryFn: ({ signal }) => call<TrainingPlanScores>('/api/v1/training/plans/scores?limit=20', { signal }),
    staleTime: 30_000,
  });
}

/** What a run may take changes nothing of what its steps take. */
function withoutBudget({ extensions, ...request }: RunRequest): object {
  const { max_seconds: _, max_cost: __, ...measured } = extensions ?? {};
  return { ...request, extensions: measured };
}

/** Tells two requests apart; FNV-1a, 32 bits. */
function digestOf(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(36);
}
