/** How many rows have which length, as bars; what they say is told in their label. */
interface HistogramProps {
  /** Rows that are longer than the bar before and at most `upTo`. */
  bars: readonly { up_to: number; rows: number }[];
  label: string;
}

export function Histogram({ bars, label }: HistogramProps) {
  const most = Math.max(1, ...bars.map(({ rows }) => rows));
  return (
    <div>
      <div role="img" aria-label={label} className="flex h-20 items-end gap-px border-b">
        {bars.map(({ up_to: upTo, rows }) => (
          <div
            key={upTo}
            title={`up to ${upTo.toLocaleString('en-US')} tokens: ${rows.toLocaleString('en-US')} rows`}
            className={`min-w-0 flex-1 rounded-t-sm bg-accent ${rows === 0 ? 'opacity-0' : 'opacity-80 hover:opacity-100'}`}
            // One row in a thousand is still to be seen.
            style={{ height: `${rows === 0 ? 0 : Math.max(3, (rows / most) * 100)}%` }}
          />
        ))}
      </div>
      <div aria-hidden className="flex justify-between font-mono text-[12px] text-muted tabular-nums">
        <span>0</span>
        <span>{bars.at(-1)?.up_to.toLocaleString('en-US')} tokens</span>
      </div>
    </div>
  );
}
