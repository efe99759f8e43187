/** The curves of a run: the losses large, all else small beneath them, one cursor over all. */
import type { Curves } from './curves.ts';
import { LineChart } from '../charts/line-chart.tsx';
import { Card } from '../components/card.tsx';
import { bytes, figure, percent } from '../components/format.ts';
import { useUrlState } from '../components/use-url-state.ts';
import { StepRows } from './step-rows.tsx';

const smallCharts = [
  { name: 'learning_rate', title: 'Learning rate', label: 'rate', kind: 'line', format: figure },
  { name: 'grad_norm', title: 'Gradient norm', label: 'norm', kind: 'trend', format: figure },
  { name: 'tokens_per_second', title: 'Tokens a second', label: 'tokens/s', kind: 'trend', format: figure },
  { name: 'memory_bytes', title: 'Memory', label: 'resident', kind: 'line', format: bytes },
  { name: 'mean_token_accuracy', title: 'Token accuracy', label: 'training', kind: 'trend', format: percent },
] as const;

interface RunChartsProps {
  runId: string;
  /** What the run made; null before its end. */
  model: string | null;
  curves: Curves;
  version: number;
}

export function RunCharts({ runId, model, curves, version }: RunChartsProps) {
  const [rowsOf, setRowsOf] = useUrlState('rows');
  const [scale, setScale] = useUrlState('scale', 'linear');
  const isLog = scale === 'log';
  const shared = { syncKey: runId, version };
  if (curves.loss.step.length === 0) {
    return (
      <Card title="Curves">
        <p className="py-8 text-center text-muted">The curves begin with the first step.</p>
      </Card>
    );
  }
  return (
    <Card
      title="Curves"
      actions={
        <label className="flex items-center gap-2 text-[13px]">
          <input type="checkbox" checked={isLog} onChange={(event) => setScale(event.target.checked ? 'log' : 'linear')} />
          logarithmic loss
        </label>
      }
    >
      <div className="flex flex-col gap-4">
        <LineChart
          title="Loss"
          height={240}
          isLog={isLog}
          onPick={(step) => setRowsOf(String(step))}
          curves={[
            { label: 'training', kind: 'trend', colour: 'accent', curve: curves.loss },
            ...(curves.eval_loss.step.length > 0
              ? [{ label: 'validation', kind: 'points' as const, colour: 'warn', curve: curves.eval_loss }]
              : []),
          ]}
          {...shared}
        />
        {/^[1-9]\d*$/.test(rowsOf) && (
          <StepRows
            runId={runId}
            model={model}
            step={Number(rowsOf)}
            lastStep={curves.loss.step.at(-1)!}
            onStep={(step) => setRowsOf(step === null ? '' : String(step))}
          />
        )}
        <SmallCharts curves={curves} {...shared} />
        <p className="text-[12px] text-muted">
          Band: lowest and highest of each point’s steps. Line: smoothed. Drag to look closer, double-click for the whole run, ← → to read
          values. Click the loss, or press Enter, to read the rows of that step.
        </p>
      </div>
    </Card>
  );
}

function SmallCharts({ curves, ...shared }: { curves: Curves; syncKey: string; version: number }) {
  const small = smallCharts.map((chart) => ({ ...chart, curve: curves[chart.name] })).filter(({ curve }) => curve.step.length > 0);
  return (
    <div className="grid gap-x-4 gap-y-3 sm:grid-cols-2">
      {small.map(({ title, label, kind, curve, format }) => (
        <LineChart key={title} title={title} height={96} format={format} curves={[{ label, kind, colour: 'accent', curve }]} {...shared} />
      ))}
    </div>
  );
}
