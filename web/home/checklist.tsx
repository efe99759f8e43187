/** The first steps, ticked off by what the platform knows: nobody has to tell it. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Model } from '#contract/openai/models.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { StartDemo } from './start-demo.tsx';

interface ChecklistProps {
  runs: readonly TrainingRun[];
  models: readonly Model[];
}

export function Checklist({ runs, models }: ChecklistProps) {
  const tuned = models.find(({ x_kind }) => x_kind === 'adapter');
  const steps: { isDone: boolean; title: string; action: ReactNode }[] = [
    {
      isDone: models.some(({ x_kind }) => x_kind === 'base'),
      title: 'A base model answers on this machine',
      action: <code>tuneloop model pull smollm2-135m-instruct</code>,
    },
    { isDone: runs.length > 0, title: 'Train it on the example data, or on your own', action: <StartDemo /> },
    {
      isDone: tuned !== undefined,
      title: 'Watch it learn to the end',
      action: runs[0] ? (
        <Link to="/runs/$id" params={{ id: runs[0].id }} className="text-accent underline">
          Open the run
        </Link>
      ) : null,
    },
  ];
  return (
    <ol className="flex flex-col gap-2">
      {steps.map(({ isDone, title, action }, index) => (
        <li key={title} className="flex flex-wrap items-center gap-3">
          <span
            aria-hidden
            className={`grid size-6 place-items-center rounded-full text-[13px] ${isDone ? 'bg-accent text-on-accent' : 'border text-muted'}`}
          >
            {isDone ? '✓' : index + 1}
          </span>
          <span className={isDone ? 'text-muted' : 'font-medium'}>
            {title}
            <span className="sr-only">{isDone ? ' (done)' : ' (to do)'}</span>
          </span>
          {!isDone && steps.slice(0, index).every((before) => before.isDone) && action}
        </li>
      ))}
      {tuned && (
        <li className="flex items-center gap-3 pl-9">
          <Link to="/playground" search={{ model: tuned.id } as never} className="text-accent underline">
            Chat with what it has learnt
          </Link>
        </li>
      )}
    </ol>
  );
}
