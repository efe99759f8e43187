/** One click from nothing to a dataset: a set that ships with the platform. */
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { Button } from '../components/button.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { importExample } from './import-data.ts';
import { examplesQuery } from './queries.ts';
import { StepLine } from './step-line.tsx';
import { useSteps } from './use-steps.ts';

const demoSet = 'lumen-support';

/** `kind` primary where it is the first thing to do. */
export function ExampleSets({ kind = 'plain' }: { kind?: 'primary' | 'plain' }) {
  const navigate = useNavigate();
  const examples = useQuery(examplesQuery());
  const [name, setName] = useState(demoSet);
  const { begin, step, error } = useSteps(importExample, ({ dataset }) => void navigate({ to: '/data/$dataset', params: { dataset } }));
  return (
    <div>
      <div className="flex flex-wrap items-center gap-2">
        <select
          aria-label="Example set"
          className="min-w-0 rounded border px-2 py-1.5"
          value={name}
          onChange={(event) => setName(event.target.value)}
        >
          {(examples.data?.data ?? [{ name: demoSet, rows: 0 }]).map((example) => (
            <option key={example.name} value={example.name}>
              {example.name}
              {example.rows > 0 && ` · ${example.rows} rows`}
            </option>
          ))}
        </select>
        <Button kind={kind} disabled={step !== null} onClick={() => begin(name)}>
          {name === demoSet ? 'Add the demo set' : 'Add this set'}
        </Button>
      </div>
      {step !== null && <StepLine step={step} />}
      {error !== null && <FailureView error={error} />}
    </div>
  );
}
