/** The result file of a run: a line of figures a step, as OpenAI's `step_metrics.csv`. */
import { Readable } from 'node:stream';
import { createFile } from '#platform/data/files.ts';
import type { Db, RunRow } from './rows.ts';
import type { Training } from './training.ts';

const columns = ['step', 'train_loss', 'train_accuracy', 'valid_loss', 'valid_mean_token_accuracy'] as const;

/** Stores it; returns its file id. */
export async function createMetricsFile(training: Training, run: RunRow): Promise<string> {
  const csv = await metricsCsv(training.db, run.id);
  const file = await createFile(training.files, run.project_id, {
    filename: 'step_metrics.csv',
    purpose: 'fine-tune-results',
    body: Readable.from([csv]),
  });
  return file.id;
}

/** A step that was trained again after a restart counts as it was the last time. */
export async function metricsCsv(db: Db, runId: string): Promise<string> {
  const events = await db
    .selectFrom('run_events')
    .select(['type', 'data'])
    .where('run_id', '=', runId)
    .where('type', 'in', ['run-step', 'run-evaluated'])
    .orderBy('seq')
    .execute();
  const lines = new Map<number, Partial<Record<(typeof columns)[number], string>>>();
  for (const { type, data } of events) {
    const step = Number(data['step']);
    const figures =
      type === 'run-step'
        ? { train_loss: text(data['loss']), train_accuracy: text(data['mean_token_accuracy']) }
        : { valid_loss: text(data['loss']), valid_mean_token_accuracy: text(data['mean_token_accuracy']) };
    lines.set(step, { ...lines.get(step), step: String(step), ...figures });
  }
  const ordered = [...lines].toSorted(([left], [right]) => left - right);
  return [columns.join(','), ...ordered.map(([, line]) => columns.map((column) => line[column] ?? '').join(','))].join('\n') + '\n';
}

/** Empty when the trainer did not report it. */
function text(value: unknown): string {
  return typeof value === 'number' ? String(value) : '';
}
