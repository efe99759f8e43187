/** What uPlot is told about a chart: its curves, axes and the cursor that it shares with the charts beside it. */
import type uPlot from 'uplot';
import { resolveColour } from './colours.ts';
import type { PlotCurve } from './plot-data.ts';

export interface PlotLook {
  width: number;
  height: number;
  isLog: boolean;
  /** Charts with the same key share their cursor. */
  syncKey: string;
  format: (value: number) => string;
  /** Told of the step beneath the cursor; null when it has left. */
  onStep: (step: number | null) => void;
}

export function plotOptions(curves: readonly Pick<PlotCurve, 'kind' | 'colour' | 'label'>[], look: PlotLook): uPlot.Options {
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const { kind, colour, label } of curves) {
    if (kind !== 'points') {
      const first = series.length;
      bands.push({ series: [first, first + 1], fill: resolveColour(colour, 0.22) });
      for (const edge of ['highest', 'lowest'])
        series.push({ label: `${label}, ${edge}`, width: 0, spanGaps: true, points: { show: false } });
      const isSmoothed = kind === 'trend';
      const stroke = resolveColour(colour, isSmoothed ? 0.45 : 1);
      series.push({ label, stroke, width: isSmoothed ? 1 : 1.5, spanGaps: true, points: { show: false } });
      if (isSmoothed) {
        series.push({ label: `${label}, smoothed`, stroke: resolveColour(colour), width: 2, spanGaps: true, points: { show: false } });
      }
    } else {
      const stroke = resolveColour(colour);
      series.push({ label, stroke, width: 1.5, dash: [5, 3], spanGaps: true, points: { show: true, size: 5, fill: stroke } });
    }
  }
  return {
    width: look.width,
    height: look.height,
    series,
    bands,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { time: false }, y: { distr: look.isLog ? 3 : 1 } },
    axes: [
      axis({ size: 26, space: 60 }),
      axis({ size: 52, space: 28, values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : look.format(tick))) }),
    ],
    cursor: { y: false, drag: { x: true, y: false }, sync: { key: look.syncKey, setSeries: false }, points: { show: false } },
    hooks: {
      setCursor: [
        (plot) => {
          const { idx } = plot.cursor;
          look.onStep(idx === null || idx === undefined || (plot.cursor.left ?? -1) < 0 ? null : plot.data[0][idx]!);
        },
      ],
    },
  };
}

function axis(fields: uPlot.Axis): uPlot.Axis {
  const line = resolveColour('line');
  return {
    stroke: resolveColour('muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1, size: 4 },
    gap: 4,
    ...fields,
  };
}
