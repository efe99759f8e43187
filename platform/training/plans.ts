/** Plans as their project sees them: one by id, and the one that a run says it was started from. */
import { isDeepStrictEqual } from 'node:util';
import { sql, type Selectable } from 'kysely';
import type { PlanFailure } from '#contract/plan.ts';
import type { TrainingSettings } from '#contract/training.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { PlanTable } from '#platform/storage/tables.ts';
import type { Training } from './training.ts';

export type PlanRow = Selectable<PlanTable>;

type PlanParts = Pick<Training, 'db' | 'owner' | 'plans'>;

/** Throws `plan_not_found`, also for a plan of another project. */
export async function getPlan(training: PlanParts, projectId: string, planId: string): Promise<PlanRow> {
  await failLost(training, planId);
  const row = await training.db
    .selectFrom('plans')
    .selectAll()
    .where('id', '=', planId)
    .where('project_id', '=', projectId)
    .executeTakeFirst();
  if (row) return row;
  throw new PlatformError('plan_not_found', `There is no plan ${planId} in this project; make one with POST /api/v1/training/plans.`);
}

/** A plan that nobody measures any more: its platform has ended, or was started anew. */
async function failLost({ db, owner, plans }: PlanParts, planId: string): Promise<void> {
  if (plans.has(planId)) return;
  const failure: PlanFailure = { message: 'The platform was stopped while it measured.', next_step: 'Make the plan again.' };
  await db
    .updateTable('plans')
    .set({ state: 'failed', failure: JSON.stringify(failure) })
    .where('id', '=', planId)
    .where('state', '=', 'measuring')
    .where((is) => is.or([is('owner', '=', owner), is('deadline', '<', sql<Date>`clock_timestamp()`)]))
    .execute();
}

type PlannedRun = Pick<PlanRow, 'base_model' | 'training_file' | 'validation_file' | 'config'>;

/** The plan of a run that is about to be made. Throws `plan_not_found`, and `invalid_request` when it was made for another run. */
export async function requirePlanOf(training: PlanParts, projectId: string, planId: string, run: PlannedRun): Promise<PlanRow> {
  const param = 'extensions.plan';
  const plan = await getPlan(training, projectId, planId).catch((error: unknown) => {
    throw error instanceof PlatformError ? new PlatformError(error.code, error.message, { param }) : error;
  });
  const differs = differenceOf(plan, run);
  if (differs === null) return plan;
  throw new PlatformError(
    'invalid_request',
    `${param}: ${planId} was measured for another ${differs}; make a plan of this request, or leave extensions.plan out`,
    { param },
  );
}

/** What came through the database has lost what is undefined. */
const stored = (value: object): unknown => JSON.parse(JSON.stringify(value));

/** What a run may take changes nothing of what its steps take. */
const measured = (settings: TrainingSettings): TrainingSettings => ({ ...settings, max_seconds: null, max_cost: null });

/** What a run would do otherwise than was planned; null when all that costs time or memory is the same. */
function differenceOf(plan: PlanRow, { config, ...run }: PlannedRun): string | null {
  if (plan.base_model !== run.base_model) return 'model';
  if (plan.training_file !== run.training_file) return 'training_file';
  if (plan.validation_file !== run.validation_file) return 'validation_file';
  if (!isDeepStrictEqual(plan.config.adapter, stored(config.adapter))) return 'adapter';
  if (!isDeepStrictEqual(plan.config.method, stored(config.method))) return 'method';
  return isDeepStrictEqual(measured(plan.config.settings), stored(measured(config.settings))) ? null : 'set of settings';
}
