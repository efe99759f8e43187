/** `tuneloop status`: whether the platform answers, how it is, and what it is training. */
import type { TrainingRun } from '#contract/training-run.ts';
import { CliError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import { duration } from '../run-block.ts';

interface Health {
  status: string;
  version: string;
  database: { status: string; kind: string };
  engine: { name: string; status: string; active: number; waiting: number; memory_bytes: number };
  worker: { launcher: string; running: number; queued: number };
}

export const command: Command = {
  examples: ['tuneloop status', 'tuneloop status --json status,worker.running'],
  fields: ['address', 'status', 'version', 'database', 'engine', 'worker', 'runs'],
  async run({ out, client: openClient }) {
    const client = await openClient();
    const health = await client.ask<Health>('/health');
    // Health needs no key; the runs do, and a status without them is still one.
    const runs = await client.ask<{ data: TrainingRun[] }>('/api/v1/training/jobs', { query: { limit: 20 } }).catch((error: unknown) => {
      if (error instanceof CliError && error.code === 'invalid_api_key') return null;
      throw error;
    });
    const active = runs?.data.filter(({ status }) => !['succeeded', 'failed', 'cancelled'].includes(status)) ?? null;
    out.print({ address: client.address, ...health, runs: active }, () => describe(client.address, health, active));
    return health.status === 'down' ? 7 : 0;
  },
};

function describe(address: string, { status, version, database, engine, worker }: Health, runs: TrainingRun[] | null): string {
  const lines = [
    `Tuneloop ${version} at ${address} is ${status}`,
    `  database  ${database.kind}, ${database.status}`,
    `  engine    ${engine.name}, ${engine.status}; ${engine.active} answering, ${engine.waiting} waiting; ${(engine.memory_bytes / 2 ** 20).toFixed(0)} MiB`,
    `  training  ${worker.launcher}; ${worker.running} running, ${worker.queued} queued`,
  ];
  if (runs === null) lines.push('  (no valid key: log in to see the runs)');
  for (const run of runs ?? []) {
    const left = run.eta_seconds === null ? '' : `, ${duration(run.eta_seconds)} left`;
    lines.push(`    ${run.id}  ${run.status}, step ${run.step} of ${run.total_steps ?? '?'}${left}`);
  }
  return lines.join('\n');
}
