/** A run's state in a word and a colour. */
import type { RunState } from '#contract/training.ts';

const looks: Record<RunState, { label: string; look: string }> = {
  validating_files: { label: 'checking', look: 'text-muted' },
  queued: { label: 'queued', look: 'text-muted' },
  running: { label: 'training', look: 'text-accent' },
  paused: { label: 'paused', look: 'text-warn' },
  succeeded: { label: 'succeeded', look: 'text-good' },
  failed: { label: 'failed', look: 'text-bad' },
  cancelled: { label: 'cancelled', look: 'text-muted' },
};

export function StatusBadge({ status }: { status: RunState }) {
  const { label, look } = looks[status];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap font-medium ${look}`} data-run-status={status}>
      <span aria-hidden className={`size-2 rounded-full bg-current ${status === 'running' ? 'animate-pulse' : ''}`} />
      {label}
    </span>
  );
}
