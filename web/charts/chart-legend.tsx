/** The heading of a chart: what its curves are, and their values at the cursor, or the newest. */
import { valueAt, type PlotCurve } from './plot-data.ts';

interface ChartLegendProps {
  title: string;
  curves: readonly PlotCurve[];
  /** The step beneath the cursor; null when there is none. */
  step: number | null;
  format: (value: number) => string;
}

const marks: Record<string, string> = {
  accent: 'bg-accent',
  warn: 'bg-warn',
  blue: 'bg-blue',
  bad: 'bg-bad',
  good: 'bg-good',
  muted: 'bg-muted',
};

export function ChartLegend({ title, curves, step, format }: ChartLegendProps) {
  return (
    <div className="mb-1 flex flex-wrap items-baseline justify-between gap-x-3 text-[13px]">
      <span className="font-medium">
        {title}
        {step !== null && <span className="font-normal text-muted"> · step {step}</span>}
      </span>
      <span className="flex flex-wrap gap-x-3">
        {curves.map(({ label, colour, curve }) => {
          const value = valueAt(curve, step ?? Infinity);
          return (
            <span key={label} className="inline-flex items-baseline gap-1">
              <i aria-hidden className={`size-2 self-center rounded-full ${marks[colour] ?? 'bg-accent'}`} />
              <span className="text-muted">{label}</span>
              <span className="font-mono tabular-nums">{value === null ? '–' : format(value)}</span>
            </span>
          );
        })}
      </span>
    </div>
  );
}
