/** Chosen runs side by side: their curves over one another, and what differs in their configurations. */
import { useState } from 'react';
import { seriesTitles } from './series-titles.ts';
import type { SeriesName } from '#contract/series.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { LineChart } from '../charts/line-chart.tsx';
import { Card } from '../components/card.tsx';
import { configDifferences } from '../run-page/config-rows.ts';
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
  return (
    <div className="mt-3 overflow-x-auto" tabIndex={0} role="region" aria-label="Differences of configuration">
      <table className="w-full text-left text-[13px]">
        <thead>
          <tr className="border-b text-muted">
            <th className="py-1 pr-4 font-medium">Differs in</th>
            {runs.map((run) => (
              <th key={run.id} className="py-1 pr-4 font-medium">
                {nameOfRun(run)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="font-mono">
          {differences.map(({ name, values }) => (
            <tr key={name} className="border-b last:border-0">
              <th scope="row" className="py-1 pr-4 font-normal text-muted">
                {name}
              </th>
              {values.map((value, index) => (
                <td key={runs[index]!.id} className="break-all py-1 pr-4">
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
