/** Chosen runs side by side: their curves over one another, and what differs in their configurations. */
import { useState } from 'react';
import { seriesTitles } from './series-titles.ts';
import type { SeriesName } from '#contract/series.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { LineChart } from '../charts/line-chart.tsx';
import { Card } from '../components/card.tsx';
import { configDifferences } from '../run-page/config-rows.ts';
import { DifferencesTable } from './differences-table.tsx';
import { nameOfRun } from './name-of-run.ts';
import { useAllCurves } from './run-curves.ts';

const colours = ['accent', 'warn', 'blue', 'bad', 'good', 'muted'];

export function CompareRuns({ runs }: { runs: readonly TrainingRun[] }) {
  const [figure, setFigure] = useState<SeriesName>('loss');
  const all = useAllCurves(runs, 400);
  const curves = runs.flatMap((run, index) => {
    const curve = all[index]?.data?.series[figure];
    return curve ? [{ label: nameOfRun(run), kind: 'trend' as const, colour: colours[index % colours.length]!, curve }] : [];
  });
  return (
    <Card
      title={`Comparing ${runs.length} runs`}
      actions={
        <label className="flex items-center gap-2 text-[13px]">
          <span className="text-muted">Curve</span>
          <select className="rounded border px-2 py-1" value={figure} onChange={(event) => setFigure(event.target.value as SeriesName)}>
            {Object.entries(seriesTitles).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <LineChart
        title={seriesTitles[figure]}
        curves={curves}
        height={240}
        syncKey="compare"
        version={`${figure} ${all.map(({ dataUpdatedAt }) => dataUpdatedAt).join()}`}
      />
      <Differences runs={runs} />
    </Card>
  );
}

function Differences({ runs }: { runs: readonly TrainingRun[] }) {
  const differences = configDifferences(runs);
  if (differences.length === 0) return <p className="mt-3 text-muted">Their configurations are the same.</p>;
  const columns = runs.map((run) => ({ id: run.id, title: nameOfRun(run) }));
  return <DifferencesTable label="Differences of configuration" columns={columns} rows={differences} className="mt-3 overflow-x-auto" />;
}
