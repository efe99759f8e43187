/** Where one begins: what is running, what to do first, and the models that answer. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { modelsQuery, runsQuery } from '../api/queries.ts';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { Waiting } from '../components/waiting.tsx';
import { Checklist } from '../home/checklist.tsx';
import { ModelList } from '../home/model-list.tsx';
import { RunningStrip } from '../home/running-strip.tsx';
import { StartDemo } from '../home/start-demo.tsx';
import { isOver } from '../runs/run-states.ts';
import { RecentRuns } from '../home/recent-runs.tsx';

export function Page() {
  const runs = useQuery(runsQuery());
  const models = useQuery({ ...modelsQuery(), refetchInterval: 10_000 });
  const error = runs.error ?? models.error;
  if (error && (!runs.data || !models.data))
    return <FailureView error={error} onRetry={() => void Promise.all([runs.refetch(), models.refetch()])} />;
  if (!runs.data || !models.data) return <Waiting for="the runs and models" />;
  const all = runs.data.data;
  const underWay = all.filter(({ status }) => !isOver(status));
  const isNew = !models.data.data.some(({ x_kind }) => x_kind === 'adapter');
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h1 className="text-lg font-semibold">{isNew ? 'Welcome to Tuneloop' : 'Home'}</h1>
        <span className="flex gap-2">
          {!isNew && <StartDemo />}
          <Link to="/new" className="rounded border px-3 py-1.5 hover:bg-card">
            New run
          </Link>
        </span>
      </div>
      {isNew && (
        <Card title="First steps">
          <Checklist runs={all} models={models.data.data} />
        </Card>
      )}
      {underWay.length > 0 && (
        <section aria-labelledby="under-way">
          <h2 id="under-way" className="mb-2 font-semibold">
            Under way
          </h2>
          <RunningStrip runs={underWay} />
        </section>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="Models that answer here">
          <ModelList models={models.data.data} />
        </Card>
        <Card
          title="Last runs"
          actions={
            <Link to="/runs" className="text-accent underline">
              All runs
            </Link>
          }
        >
          <RecentRuns runs={all.filter(({ status }) => isOver(status))} />
        </Card>
      </div>
    </div>
  );
}
