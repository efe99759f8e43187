/** One chart over the steps of a run: band of extremes, smoothed line, shared cursor; the whole run is always in it. */
import { useEffect, useId, useRef, useState, type KeyboardEvent, type MouseEvent, type RefObject } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { figure } from '../components/format.ts';
import { useColourVersion } from './colours.ts';
import { ChartLegend } from './chart-legend.tsx';
import { drawSoon } from './draw-queue.ts';
import { describeCurve, plotColumns, thinned, type PlotCurve } from './plot-data.ts';
import { plotOptions } from './plot-options.ts';
import { useWidth } from './use-width.ts';

export interface LineChartProps {
  title: string;
  curves: readonly PlotCurve[];
  /** Another number means other points: curves are changed in place. */
  version: number | string;
  height?: number;
  isLog?: boolean;
  syncKey: string;
  format?: (value: number) => string;
  /** A point was clicked, or Enter pressed at the cursor: its step. */
  onPick?: (step: number) => void;
}

export function LineChart({ title, curves, version, height = 140, isLog = false, syncKey, format = figure, onPick }: LineChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const width = useWidth(frame);
  const colours = useColourVersion();
  const summaryId = useId();
  const picking = usePicking(plot, onPick);
  const [step, setStep] = useState<number | null>(null);
  // Curves are changed in place: whoever draws later draws what is there then.
  const latest = useRef(curves);
  const shape = curves.map(({ kind, colour, label }) => `${kind} ${colour} ${label}`).join();
  const isThere = width > 0 && curves.some(({ curve }) => curve.step.length > 0);

  useEffect(() => {
    latest.current = curves;
  });
  useEffect(() => {
    const element = frame.current;
    if (!isThere || !element) return;
    let made: uPlot | null = null;
    const owner = {};
    drawSoon(owner, () => {
      const options = plotOptions(latest.current, { width, height, isLog, syncKey, format, onStep: setStep });
      made = new uPlot(options, columnsOf(latest.current, width), element);
      plot.current = made;
    });
    return () => {
      drawSoon(owner, null);
      made?.destroy();
      plot.current = null;
    };
  }, [isThere, width, height, isLog, syncKey, colours, shape, format]);
  useEffect(() => {
    const owner = frame;
    drawSoon(owner, () => {
      const drawn = plot.current;
      // Whoever looks closer goes on doing so.
      if (drawn) drawn.setData(columnsOf(latest.current, width), !isZoomed(drawn));
    });
    return () => drawSoon(owner, null);
  }, [version, width]);

  return (
    <figure className="min-w-0">
      <ChartLegend title={title} curves={curves} step={step} format={format} />
      {/* An image that can be read point by point: the arrows move its cursor. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        ref={frame}
        role="img"
        aria-label={title}
        aria-describedby={summaryId}
        tabIndex={0}
        className={`min-w-0 overflow-hidden rounded ${onPick ? 'cursor-pointer' : ''}`}
        style={{ height }}
        {...picking}
      />
      <figcaption id={summaryId} className="sr-only">
        {curves.map(({ label, curve }) => describeCurve(label, curve, format)).join(' ')}
      </figcaption>
    </figure>
  );
}

/** The cursor by keys, and the step of a point by a click or Enter; what was dragged is looked at closer instead. */
function usePicking(plot: RefObject<uPlot | null>, onPick: LineChartProps['onPick']) {
  const pressedAt = useRef(0);
  const pick = (): void => {
    const index = plot.current?.cursor.idx;
    const step = index === undefined || index === null ? undefined : plot.current!.data[0][index];
    if (step !== undefined) onPick?.(step);
  };
  return {
    onKeyDown: (event: KeyboardEvent) => (event.key === 'Enter' ? pick() : moveCursor(event, plot.current)),
    onMouseDown: (event: MouseEvent) => void (pressedAt.current = event.clientX),
    onClick: (event: MouseEvent) => void (Math.abs(event.clientX - pressedAt.current) < mostDraggedPx && pick()),
  };
}

/** A hand that clicks is not quite still. */
const mostDraggedPx = 4;

/** Two points a pixel say all that can be seen. */
function columnsOf(curves: readonly PlotCurve[], width: number): uPlot.AlignedData {
  return plotColumns(curves.map((drawn) => ({ ...drawn, curve: thinned(drawn.curve, 2 * width) }))) as uPlot.AlignedData;
}

function isZoomed({ scales, data }: uPlot): boolean {
  const { min, max } = scales['x']!;
  const steps = data[0];
  return min !== undefined && max !== undefined && min !== null && max !== null && (min > steps[0]! || max < steps.at(-1)!);
}

/** Left and right move the shared cursor by a point, Home and End to the ends. */
function moveCursor(event: KeyboardEvent, plot: uPlot | null): void {
  if (!plot) return;
  const last = plot.data[0].length - 1;
  const at = plot.cursor.idx ?? last;
  const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const index = Math.max(0, Math.min(last, next));
  // uPlot takes a third argument that its types do not name: tell the charts beside it too.
  const all = plot as unknown as { setCursor: (at: { left: number; top: number }, fireHook: boolean, publish: boolean) => void };
  all.setCursor({ left: plot.valToPos(plot.data[0][index]!, 'x'), top: 10 }, true, true);
}
