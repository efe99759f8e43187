/** The rows that an optimiser step was made of: what caused this spike? */
import { createReadStream } from 'node:fs';
import { sql } from 'kysely';
import type { TrainingStepRows } from '#contract/training-run.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { readLines } from '#platform/core/json-lines.ts';
import { findVersion, getDataset, isVersionReference } from '#platform/data/datasets.ts';
import { trainingDataPath } from '#platform/data/training-data.ts';
import type { RunEventRow } from './rows.ts';
import { getRun } from './runs.ts';
import type { Training } from './training.ts';

/** A longer row is not shown here. */
const mostBytes = 64 * 1024;

/** Throws `run_not_found`; `invalid_request` for a step that was not trained, or not by this release; `file_not_found`. */
export async function readStepRows(
  training: Pick<Training, 'db' | 'files'>,
  projectId: string,
  runId: string,
  step: number,
): Promise<TrainingStepRows> {
  const run = await getRun(training, projectId, runId);
  const event = await findReport(training, runId, step);
  const told = event?.data as { step: number; loss: number; rows?: number[] } | undefined;
  if (!told?.rows?.length) {
    const why = told ? 'it does not name its rows' : `the run has done ${run.step}`;
    throw new PlatformError('invalid_request', `step: there are no rows of step ${step}: ${why}`, { param: 'step' });
  }
  const { logging_steps: interval } = run.config.settings;
  const path = await trainingDataPath(training.files, projectId, run.training_file);
  const values = await readRows(path, new Set(told.rows));
  return {
    object: 'training.step_rows',
    job_id: run.id,
    first_step: Math.floor((told.step - 1) / interval) * interval + 1,
    last_step: told.step,
    loss: told.loss,
    training_file: run.training_file,
    dataset: await datasetOf(training, projectId, run.training_file),
    data: told.rows.map((row) => ({ row, value: values.get(row) ?? null })),
  };
}

async function datasetOf({ files }: Pick<Training, 'files'>, projectId: string, id: string): Promise<TrainingStepRows['dataset']> {
  if (!isVersionReference(id)) return null;
  const { dataset_id, version } = await findVersion(files, projectId, id);
  return { name: (await getDataset(files, projectId, dataset_id)).name, version };
}

/** The newest report that covers the step: steps are told every `logging_steps`, and again after a resume. */
function findReport({ db }: Pick<Training, 'db'>, runId: string, step: number): Promise<RunEventRow | undefined> {
  const told = sql<number>`(data->>'step')::int`;
  return db
    .selectFrom('run_events')
    .selectAll()
    .where('run_id', '=', runId)
    .where('type', '=', 'run-step')
    .where(told, '>=', step)
    .orderBy(told)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Rows are numbered as the lines of the file are. */
async function readRows(path: string, numbers: ReadonlySet<number>): Promise<Map<number, unknown>> {
  const values = new Map<number, unknown>();
  const last = Math.max(...numbers);
  const body = createReadStream(path);
  try {
    for await (const { number, bytes } of readLines(body, mostBytes)) {
      if (numbers.has(number) && bytes) values.set(number, parsed(bytes.toString('utf8')));
      if (number >= last) break;
    }
  } finally {
    body.destroy();
  }
  return values;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return line;
  }
}
