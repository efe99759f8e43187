/** The draft beside an earlier run: taken over from it, and what has been changed since. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { runQuery, runsQuery } from '../api/queries.ts';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { useUrlState } from '../components/use-url-state.ts';
import { DifferencesTable } from '../runs/differences-table.tsx';
import { nameOfRun } from '../runs/name-of-run.ts';
import { differencesFrom, draftOfRun } from './draft-of-run.ts';
import { emptyDraft, type Draft } from './draft.ts';
import { boxLook } from './field.tsx';
import type { ChangeDraft } from './use-draft.ts';

const columns = [
  { id: 'then', title: 'then' },
  { id: 'now', title: 'now' },
];

/** `?from=RUN` with a form that is still empty is a fork: it is filled in by that run. */
export function CompareField({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  const [from, setFrom] = useUrlState('from');
  const runs = useQuery(runsQuery());
  const run = useQuery({ ...runQuery(from), enabled: from !== '' });
  const isUntouched = useRef(draft.model === emptyDraft.model && draft.trainingFile === emptyDraft.trainingFile);
  useEffect(() => {
    if (!run.data || !isUntouched.current) return;
    isUntouched.current = false;
    change(draftOfRun(run.data));
  }, [run.data, change]);
  const choose = (id: string): void => {
    // Only what the address brought with it fills in the form by itself.
    isUntouched.current = false;
    setFrom(id);
  };
  return (
    <Card title="Beside an earlier run">
      <div className="flex flex-wrap gap-2">
        <select
          aria-label="Earlier run"
          className={`${boxLook} flex-1 basis-48`}
          value={from}
          onChange={(event) => choose(event.target.value)}
        >
          <option value="">{runs.data?.data.length === 0 ? 'There is no run yet' : 'Compare with…'}</option>
          {from !== '' && !runs.data?.data.some(({ id }) => id === from) && <option value={from}>{from}</option>}
          {runs.data?.data.map((each) => (
            <option key={each.id} value={each.id}>
              {nameOfRun(each)} · {each.model} · {each.status}
            </option>
          ))}
        </select>
        <Button disabled={!run.data} onClick={() => run.data && change(draftOfRun(run.data))}>
          Take it over
        </Button>
      </div>
      {run.isError && <FailureView error={run.error} onRetry={() => void run.refetch()} />}
      {run.data && <Differences draft={draft} run={run.data} />}
    </Card>
  );
}

function Differences({ draft, run }: { draft: Draft; run: Parameters<typeof differencesFrom>[1] }) {
  const found = differencesFrom(draft, run);
  if (found.length === 0) return <p className="mt-2 text-muted">The form says what that run was frozen to.</p>;
  const rows = found.map(({ name, ofDraft, ofRun }) => ({ name, values: [ofRun || '–', ofDraft || '–'] }));
  return <DifferencesTable label="What is different" columns={columns} rows={rows} className="mt-2 max-h-64 overflow-auto" />;
}
