/** Datasets of the platform: each by its newest version, which never changes. */
import { useQuery } from '@tanstack/react-query';
import type { Dataset } from '#contract/datasets.ts';
import { call } from '../api/call.ts';

/** `chosen` is offered too when it is an older version. */
export function DatasetOptions({ chosen }: { chosen: string }) {
  const datasets = useQuery({
    queryKey: ['datasets'],
    queryFn: ({ signal }) => call<{ data: Dataset[] }>('/api/v1/datasets?limit=100', { signal }),
    staleTime: 10_000,
  });
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
