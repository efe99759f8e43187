/** One finding: how bad, at which rows, in which words, and what can be done. */
import { useId, useState } from 'react';
import type { DataFinding } from '#contract/datasets.ts';
import { Button } from '../components/button.tsx';
import { findingTitle, severityWords } from './finding-words.ts';
import type { GoTo } from './use-data-address.ts';

export interface Fix {
  kind: string;
  action: string;
}

interface FindingViewProps {
  finding: DataFinding;
  isBusy: boolean;
  go: GoTo;
  onFix: (fix: Fix) => void;
}

/** Rows that are named one by one; the rest stands in the table. */
const mostNamed = 10;

export function FindingView({ finding, isBusy, go, onFix }: FindingViewProps) {
  const id = useId();
  const { kind, severity, message, count, rows, examples } = finding;
  const { sign, word, look } = severityWords[severity];
  return (
    <section aria-labelledby={id} className="border-l-2 pl-2" data-finding={kind}>
      <h3 id={id} className="font-medium">
        <span aria-hidden className={`mr-1.5 ${look}`}>
          {sign}
        </span>
        {findingTitle(kind)} <span className={`font-normal ${look}`}>{word}</span>
      </h3>
      <p className="break-words text-muted">{message}</p>
      <p className="flex flex-wrap items-center gap-x-1.5 gap-y-1">
        {rows.slice(0, mostNamed).map((row) => (
          <button
            key={row}
            type="button"
            aria-label={`X-ray of row ${row}`}
            className="rounded bg-inset px-1.5 font-mono text-[12px] leading-6 text-accent hover:underline"
            onClick={() => go({ row, finding: kind, from: 1 })}
          >
            {row}
          </button>
        ))}
        <button type="button" className="leading-6 text-accent hover:underline" onClick={() => go({ finding: kind, from: 1 })}>
          {count > mostNamed ? `show all ${count.toLocaleString('en-US')} rows` : 'show in the table'}
        </button>
      </p>
      {examples.length > 0 && (
        <details>
          <summary className="text-muted">In words</summary>
          <ul className="mt-1 max-h-40 overflow-auto" tabIndex={0} aria-label={`Examples of ${findingTitle(kind)}`}>
            {examples.map(({ row, text }, index) => (
              // A row may be an example twice.
              <li key={index} className="break-words">
                <span className="mr-1.5 font-mono text-[12px] text-muted">{row}</span>
                {text}
              </li>
            ))}
          </ul>
        </details>
      )}
      <Mending finding={finding} isBusy={isBusy} onFix={onFix} />
    </section>
  );
}

function Mending({ finding: { kind, fix, actions }, isBusy, onFix }: Pick<FindingViewProps, 'finding' | 'isBusy' | 'onFix'>) {
  const [action, setAction] = useState(actions[0] ?? '');
  if (actions.length === 0) return null;
  return (
    <div className="mt-1 flex flex-wrap items-center gap-2">
      {actions.length > 1 && (
        <select
          aria-label={`What to do about ${findingTitle(kind)}`}
          className="rounded border px-2 py-1"
          value={action}
          onChange={(event) => setAction(event.target.value)}
        >
          {actions.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      )}
      <Button disabled={isBusy} title={fix?.action === action ? fix.description : action} onClick={() => onFix({ kind, action })}>
        {actions.length > 1 ? 'Fix' : `Fix: ${action}`} → new version
      </Button>
    </div>
  );
}
