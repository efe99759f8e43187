/** Held-out rows, drawn by chance: two datasets of one, ready to be trained on and measured with. */
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { DatasetVersion } from '#contract/datasets.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { boxLook } from '../new-run/field.tsx';
import { forgetLists } from './import-data.ts';
import { versionPath } from './queries.ts';
import { StepLine } from './step-line.tsx';
import { useSteps } from './use-steps.ts';

interface SplitRequest {
  parts: Record<string, number>;
  seed: number;
  stratify_by?: string;
}

export function SplitDialog({ version, onClose }: { version: DatasetVersion; onClose: () => void }) {
  const [percent, setPercent] = useState('10');
  const [seed, setSeed] = useState('0');
  const [column, setColumn] = useState('');
  const [made, setMade] = useState<DatasetVersion[]>([]);
  const { begin, step, error } = useSteps(async (body: SplitRequest, onStep) => {
    onStep('Drawing the rows');
    const { data } = await call<{ data: DatasetVersion[] }>(`${versionPath(version)}/split`, { body });
    await forgetLists();
    return data;
  }, setMade);
  const share = Number(percent) / 100;
  const isShare = share > 0 && share < 1;
  // In hundredths of a percent: 1 − 0.1 is not quite 0.9.
  const train = Math.round((1 - share) * 10_000) / 10_000;
  return (
    <Dialog title={`Split ${version.dataset}, version ${version.version}`} isOpen onClose={onClose}>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          begin({ parts: { train, validation: share }, seed: Number(seed), ...(column !== '' && { stratify_by: column }) });
        }}
      >
        <div className="grid gap-3 sm:grid-cols-3">
          <label>
            <span className="mb-0.5 block text-muted">Held out, percent</span>
            <input
              data-first
              className={boxLook}
              inputMode="decimal"
              aria-invalid={!isShare}
              value={percent}
              onChange={(event) => setPercent(event.target.value)}
            />
          </label>
          <label>
            <span className="mb-0.5 block text-muted">Seed</span>
            <input className={boxLook} inputMode="numeric" value={seed} onChange={(event) => setSeed(event.target.value)} />
          </label>
          <StratifyField version={version} column={column} onChange={setColumn} />
        </div>
        <p className="text-muted">
          Makes {version.dataset}-train and {version.dataset}-validation. Rows that ask the same stay together; the same seed draws the same
          rows.
        </p>
        <Button kind="primary" type="submit" className="justify-self-start" disabled={!isShare || step !== null || !/^\d+$/.test(seed)}>
          Split
        </Button>
        {step !== null && <StepLine step={step} />}
        {error !== null && <FailureView error={error} />}
        {made.length > 0 && <Parts parts={made} />}
      </form>
    </Dialog>
  );
}

interface StratifyProps {
  version: DatasetVersion;
  column: string;
  onChange: (column: string) => void;
}

function StratifyField({ version, column, onChange }: StratifyProps) {
  return (
    <label>
      <span className="mb-0.5 block text-muted">Same shares of each</span>
      <select className={boxLook} value={column} onChange={(event) => onChange(event.target.value)}>
        <option value="">by chance alone</option>
        <option value="answer">answer</option>
        {version.stats.columns
          .filter(({ values }) => values !== null)
          .map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
      </select>
    </label>
  );
}

function Parts({ parts }: { parts: DatasetVersion[] }) {
  const [train, validation] = parts.map(({ dataset, version }) => `${dataset}@${version}`);
  return (
    <div role="status" className="rounded bg-inset px-3 py-2">
      {parts.map(({ id, dataset, version, rows }) => (
        <p key={id}>
          <Link to="/data/$dataset" params={{ dataset }} search={{ version: String(version) } as never} className="text-accent underline">
            {dataset}
          </Link>{' '}
          v{version}: {rows.toLocaleString('en-US')} rows
        </p>
      ))}
      <Link to="/new" search={{ data: train, validation } as never} className="text-accent underline">
        Train on the one and measure on the other
      </Link>
    </div>
  );
}
