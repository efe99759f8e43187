/** A panel with a heading, the pages' building block. */
import type { ReactNode } from 'react';

interface CardProps {
  title: ReactNode;
  /** At the right of the heading. */
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Card({ title, actions, className = '', children }: CardProps) {
  return (
    <section className={`min-w-0 rounded-lg border bg-card ${className}`}>
      <header className="flex flex-wrap items-center justify-between gap-2 border-b px-3 py-2">
        <h2 className="font-semibold">{title}</h2>
        {actions}
      </header>
      <div className="p-3">{children}</div>
    </section>
  );
}
