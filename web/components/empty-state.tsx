/** What stands where nothing is yet: what would be here, and how to get it. */
import type { ReactNode } from 'react';

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-3 rounded-lg border border-dashed px-4 py-10 text-center">
      <p className="font-medium">{title}</p>
      {children && <div className="flex max-w-xl flex-col items-center gap-3 text-muted">{children}</div>}
    </div>
  );
}
