/** What a bench found: a small table for people and, last, one JSON line of the figures. */

export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** For people: `>= 0.9`, `<= 3`. Left out where the figure is only context. */
  goal?: string;
  /** Whether the value meets the goal. */
  holds?: boolean;
}

/** Three significant digits are what a shared machine can vouch for. */
function shown(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

export function table(figures: Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${shown(figure.value)} ${figure.unit}`,
    figure.goal ?? '',
    figure.holds === undefined ? '' : figure.holds ? 'holds' : 'DOES NOT HOLD',
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function jsonLine(bench: string, figures: Figure[]): string {
  return JSON.stringify({ bench, figures });
}
