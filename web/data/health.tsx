/** How well a version is, in a word and a number: the share of its rows at which nothing was found. */
import type { DatasetVersion } from '#contract/datasets.ts';

export function Health({ version: { health, findings } }: { version: Pick<DatasetVersion, 'health' | 'findings'> }) {
  if (health === null) return <span className="text-muted">not checked</span>;
  const look = health >= 99 ? 'text-good' : health >= 90 ? 'text-warn' : 'text-bad';
  const told = findings === 0 ? 'nothing found' : findings === 1 ? '1 finding' : `${findings} findings`;
  return (
    <span className="whitespace-nowrap">
      <b className={`font-mono font-medium tabular-nums ${look}`}>{health}</b>
      <span className="text-muted"> · {told}</span>
    </span>
  );
}
