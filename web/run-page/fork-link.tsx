/** Leads to a new run that is filled in with what this one was frozen to. */
import { Link, useNavigate } from '@tanstack/react-router';
import { Keys } from '../components/keys.tsx';
import { useShortcuts } from '../layout/shortcuts.ts';

export function ForkLink({ runId }: { runId: string }) {
  const navigate = useNavigate();
  // New run reads it (new-run/compare-field.tsx).
  const target = { to: '/new', search: { from: runId } as never } as const;
  useShortcuts([{ keys: 'F', label: 'Fork: a new run with the settings of this one', group: 'Run', run: () => void navigate(target) }]);
  return (
    <Link
      {...target}
      className="inline-flex items-center gap-1.5 rounded border bg-card px-3 py-1.5 hover:bg-inset"
      title="A new run, filled in with what this one was frozen to"
    >
      Fork <Keys keys="F" />
    </Link>
  );
}
