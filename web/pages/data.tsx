/** Data: what there is to train on, how long and how well it is; and how more comes in. */
import { useQuery } from '@tanstack/react-query';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { useUrlState } from '../components/use-url-state.ts';
import { Waiting } from '../components/waiting.tsx';
import { AddData } from '../data/add-data.tsx';
import { DatasetTable } from '../data/dataset-table.tsx';
import { ExampleSets } from '../data/example-sets.tsx';
import { datasetsQuery } from '../data/queries.ts';
import { useShortcuts } from '../layout/shortcuts.ts';

export function Page() {
  const datasets = useQuery(datasetsQuery());
  const [adding, setAdding] = useUrlState('add');
  useShortcuts([{ keys: 'a', label: 'Add data', group: 'Data', run: () => setAdding(adding === '' ? 'yes' : '') }]);
  if (datasets.isError && !datasets.data) return <FailureView error={datasets.error} onRetry={() => void datasets.refetch()} />;
  if (!datasets.data) return <Waiting for="the data sets" />;
  const { data, has_more: hasMore } = datasets.data;
  const isEmpty = data.length === 0;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-lg font-semibold">Data</h1>
        {!isEmpty && adding === '' && (
          <Button kind="primary" keys="a" onClick={() => setAdding('yes')}>
            Add data
          </Button>
        )}
      </div>
      <AddData isOpen={isEmpty || adding !== ''} onOpen={() => setAdding('yes')} onClose={isEmpty ? null : () => setAdding('')} />
      {isEmpty ? <NoData /> : <DatasetTable datasets={data} />}
      {hasMore && <p className="text-muted">The newest {data.length} data sets are shown.</p>}
    </div>
  );
}

function NoData() {
  return (
    <EmptyState title="There is no data here yet">
      <p>
        A data set holds the rows that a model learns from, in versions that never change. The demo set ships with the platform: questions
        about an invented program, and their answers.
      </p>
      <ExampleSets kind="primary" />
    </EmptyState>
  );
}
