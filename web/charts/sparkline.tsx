/** A curve the height of a line of text, for tables and lanes; what it says is told in its label. */
interface SparklineProps {
  values: readonly number[];
  label: string;
  /** Place in the values to mark. */
  marked?: number | undefined;
  className?: string;
}

const width = 100;
const height = 24;

export function Sparkline({ values, label, marked, className = 'h-5 w-24' }: SparklineProps) {
  if (values.length === 0) return <span className="text-muted">–</span>;
  const lowest = Math.min(...values);
  const range = Math.max(...values) - lowest || 1;
  const x = (index: number): number => (values.length === 1 ? width / 2 : (index / (values.length - 1)) * width);
  const y = (value: number): number => 2 + (1 - (value - lowest) / range) * (height - 4);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      className={`overflow-visible ${className}`}
    >
      <polyline points={points} className="fill-none stroke-accent" strokeWidth={1.5} vectorEffect="non-scaling-stroke" />
      {marked !== undefined && values[marked] !== undefined && (
        <line x1={x(marked)} x2={x(marked)} y1={0} y2={height} className="stroke-ink" strokeWidth={1.5} vectorEffect="non-scaling-stroke" />
      )}
    </svg>
  );
}
