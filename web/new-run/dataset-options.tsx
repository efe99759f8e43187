/** Datasets of the platform: each by its newest version, which never changes. */
import { useQuery } from '@tanstack/react-query';
import { datasetsQuery } from '../data/queries.ts';

/** `chosen` is offered too when it is an older version. */
export function DatasetOptions({ chosen }: { chosen: string }) {
  const datasets = useQuery(datasetsQuery());
  const versions = (datasets.data?.data ?? []).flatMap(({ latest }) => (latest ? [latest] : []));
  const isOlder = chosen.includes('@') && !versions.some(({ dataset, version }) => `${dataset}@${version}` === chosen);
  if (versions.length === 0 && !isOlder) return null;
  return (
    <optgroup label="Datasets">
      {versions.map(({ id, dataset, version, rows, health }) => (
        <option key={id} value={`${dataset}@${version}`}>
          {dataset} @{version} · {rows.toLocaleString('en-US')} rows{health === null ? '' : ` · health ${Math.round(health)}`}
        </option>
      ))}
      {isOlder && <option value={chosen}>{chosen}</option>}
    </optgroup>
  );
}
