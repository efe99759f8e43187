/** The X-ray of one row: what the chat template makes of it, what of that is learnt, and at what loss. */
import { useEffect, useRef, useState } from 'react';
import type { RowXray } from '#contract/datasets.ts';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { percent } from '../components/format.ts';
import { Waiting } from '../components/waiting.tsx';
import { useShortcuts } from '../layout/shortcuts.ts';
import { EditRow } from './edit-row.tsx';
import { ModelChoice, useIsTuned } from './model-choice.tsx';
import type { VersionPlace } from './queries.ts';
import { StepLine } from './step-line.tsx';
import { TokenLegend, TokenText } from './token-text.tsx';
import { changeOf, xrayViews, type XrayView } from './token-looks.ts';
import type { DataAddress, GoTo } from './use-data-address.ts';
import { useXray } from './use-xray.ts';

const viewWords: Record<XrayView, { label: string; help: string }> = {
  mask: { label: 'What is learnt', help: 'What is learnt, without losses' },
  base: { label: 'Loss before', help: 'Loss under the base model' },
  tuned: { label: 'Loss after', help: 'Loss under the tuned model' },
  difference: { label: 'Difference', help: 'What tuning has changed' },
};

interface XrayCardProps {
  place: VersionPlace;
  row: number;
  rows: number;
  address: DataAddress;
  go: GoTo;
}

export function XrayCard({ place, row, rows, address, go }: XrayCardProps) {
  const { model } = address;
  const isTuned = useIsTuned(model);
  // Without a tuned model there is one loss to look at.
  const view = address.view === 'mask' || isTuned || model.startsWith('ft:') ? address.view : 'base';
  const { xray, error, step, hint, retry } = useXray(place, row, model, view !== 'mask');
  const [isEditing, setIsEditing] = useState(false);
  const card = useRef<HTMLDivElement>(null);
  useEffect(() => {
    card.current?.scrollIntoView({ block: 'nearest' });
  }, [row]);
  const stepBy = (by: number): void => go({ row: Math.min(rows, Math.max(1, row + by)) });
  useShortcuts([
    { keys: 'j', label: 'X-ray of the next row', group: 'Data', run: () => stepBy(1) },
    { keys: 'k', label: 'X-ray of the row before', group: 'Data', run: () => stepBy(-1) },
    { keys: 'e', label: 'Edit the row', group: 'Data', run: () => setIsEditing(true) },
    { keys: 'Escape', label: 'Close the X-ray', group: 'Data', run: () => go({ row: null }) },
    ...xrayViews.map((each, index) => ({
      keys: String(index + 1),
      label: viewWords[each].help,
      group: 'Data',
      run: () => go({ view: each }),
    })),
  ]);
  return (
    <div ref={card} className="scroll-mt-16" data-xray={row} data-computing={step !== null}>
      <Card
        title={`X-ray of row ${row.toLocaleString('en-US')}`}
        actions={
          <span className="flex flex-wrap gap-1">
            <Button keys="k" disabled={row <= 1} onClick={() => stepBy(-1)}>
              Before
            </Button>
            <Button keys="j" disabled={row >= rows} onClick={() => stepBy(1)}>
              Next
            </Button>
            <Button keys="e" disabled={!xray} onClick={() => setIsEditing(true)}>
              Edit
            </Button>
            <Button kind="quiet" aria-label="Close the X-ray" onClick={() => go({ row: null })}>
              ✕
            </Button>
          </span>
        }
      >
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <ModelChoice model={model} usual={xray?.model} onChange={(chosen) => go({ model: chosen })} />
          <ViewChoice view={view} isTuned={isTuned} onChange={(chosen) => go({ view: chosen })} />
        </div>
        {error !== null && (
          <div className="mt-3">
            <FailureView error={error} onRetry={retry} />
          </div>
        )}
        {step !== null && <StepLine key={`${row} ${model}`} step={step} hint={hint} />}
        {xray ? <XrayBody xray={xray} view={view} /> : error === null && <Waiting for="the row" />}
      </Card>
      {isEditing && xray && <EditRow place={place} row={row} value={xray.value} go={go} onClose={() => setIsEditing(false)} />}
    </div>
  );
}

function ViewChoice({ view, isTuned, onChange }: { view: XrayView; isTuned: boolean; onChange: (view: XrayView) => void }) {
  return (
    <div role="group" aria-label="What the colours say" className="flex flex-wrap gap-1">
      {xrayViews.map((each, index) => {
        const needsTuned = each === 'tuned' || each === 'difference';
        return (
          <Button
            key={each}
            keys={String(index + 1)}
            aria-pressed={each === view}
            className="aria-pressed:border-accent aria-pressed:bg-accent-soft"
            disabled={needsTuned && !isTuned}
            title={needsTuned && !isTuned ? 'Choose a tuned model first' : viewWords[each].help}
            onClick={() => onChange(each)}
          >
            {viewWords[each].label}
          </Button>
        );
      })}
    </div>
  );
}

function XrayBody({ xray, view }: { xray: RowXray; view: XrayView }) {
  const { tokens, total, trained, problem, max_tokens: most } = xray;
  return (
    <div className="mt-3 grid grid-cols-1 gap-2">
      {problem !== null && (
        <p role="alert" className="break-words rounded bg-bad-soft px-3 py-2">
          <b className="font-medium">This row cannot be trained on:</b> {problem}
        </p>
      )}
      {total > 0 && (
        <p className="text-muted">
          <b className="font-medium text-ink">{total.toLocaleString('en-US')}</b> tokens, the limit is {most.toLocaleString('en-US')} ·{' '}
          <b className="font-medium text-ink">{trained.toLocaleString('en-US')}</b> learnt ({percent(trained / total)})
          <Losses xray={xray} />
        </p>
      )}
      {tokens.length > 0 && (
        <>
          <TokenLegend view={view} isCut={tokens.some(({ truncated }) => truncated)} />
          <TokenText key={`${xray.row} ${xray.model}`} tokens={tokens} view={view} />
        </>
      )}
      <details>
        <summary className="text-muted">The row as it is kept</summary>
        <pre
          tabIndex={0}
          aria-label="The row as JSON"
          className="mt-1 max-h-72 overflow-auto rounded border bg-inset p-2 font-mono text-[12px]"
        >
          {JSON.stringify(xray.value, null, 2)}
        </pre>
      </details>
    </div>
  );
}

function Losses({ xray }: { xray: RowXray }) {
  const { base_loss: before, loss: after } = xray;
  if (before === null) return null;
  const change = changeOf(xray);
  return (
    <>
      {' '}
      · loss <b className="font-mono font-medium text-ink tabular-nums">{before.toFixed(2)}</b>
      {after !== null && (
        <>
          {' → '}
          <b className="font-mono font-medium text-ink tabular-nums">{after.toFixed(2)}</b>
          <span className={change! <= 0 ? 'text-blue' : 'text-bad'}> {change! <= 0 ? 'likelier now' : 'less likely now'}</span>
        </>
      )}
    </>
  );
}
