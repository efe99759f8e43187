/** The rows that a step was made of: what caused this spike? */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { TrainingStepRows } from '#contract/training-run.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { figure } from '../components/format.ts';
import { RowList } from '../new-run/row-preview.tsx';
import { rowOfValue } from '../new-run/rows.ts';

interface StepRowsProps {
  runId: string;
  /** What the run made; its losses are told beside those of its base. */
  model: string | null;
  step: number;
  /** The newest there is. */
  lastStep: number;
  /** null closes it. */
  onStep: (step: number | null) => void;
}

export function StepRows({ runId, model, step, lastStep, onStep }: StepRowsProps) {
  const found = useQuery({
    queryKey: ['step-rows', runId, step],
    queryFn: ({ signal }) => call<TrainingStepRows>(`/api/v1/training/jobs/${encodeURIComponent(runId)}/steps/${step}/rows`, { signal }),
    placeholderData: keepPreviousData,
    // A step is trained once, but for a resume.
    staleTime: 60_000,
  });
  const rows = found.data;
  return (
    <section aria-label="Rows of a step" className="rounded border bg-inset p-2" data-rows-of={rows?.last_step}>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <h3 className="mr-auto font-medium">
          {rows ? stepsOf(rows) : `Step ${step}`}
          {rows && (
            <span className="font-normal text-muted">
              {' '}
              · loss {figure(rows.loss)} · {rows.data.length === 1 ? '1 row' : `${rows.data.length} rows`}
            </span>
          )}
        </h3>
        <Button aria-label="The step before" disabled={!rows || rows.first_step <= 1} onClick={() => onStep(rows!.first_step - 1)}>
          ‹
        </Button>
        <Button aria-label="The next step" disabled={!rows || rows.last_step >= lastStep} onClick={() => onStep(rows!.last_step + 1)}>
          ›
        </Button>
        <Button kind="quiet" aria-label="Close the rows" onClick={() => onStep(null)}>
          ✕
        </Button>
      </div>
      {found.isError ? (
        <FailureView error={found.error} onRetry={() => void found.refetch()} />
      ) : (
        <RowList
          label="Rows of the step, in the order they were read"
          rows={(rows?.data ?? []).map(({ row, value }) => rowOfValue(row, value))}
          linkOf={(row) => rows?.dataset && <XrayLink dataset={rows.dataset} row={row} model={model} />}
        />
      )}
    </section>
  );
}

function stepsOf({ first_step: first, last_step: last }: TrainingStepRows): string {
  return first === last ? `Step ${last}` : `Steps ${first} to ${last}`;
}

interface XrayLinkProps {
  dataset: NonNullable<TrainingStepRows['dataset']>;
  row: number;
  model: string | null;
}

/** To the row token by token; once the run has ended, with what it has changed. */
function XrayLink({ dataset: { name, version }, row, model }: XrayLinkProps) {
  const search = { version: String(version), row: String(row), from: String(row), ...(model !== null && { model, view: 'difference' }) };
  return (
    <Link
      to="/data/$dataset"
      params={{ dataset: name }}
      search={search as never}
      className="text-accent underline"
      aria-label={`X-ray of row ${row}`}
    >
      X-ray
    </Link>
  );
}
