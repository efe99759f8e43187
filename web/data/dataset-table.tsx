/** The datasets as a table: their newest version, how long, how well. */
import { Link } from '@tanstack/react-router';
import type { Dataset } from '#contract/datasets.ts';
import { ago, bytes } from '../components/format.ts';
import { Health } from './health.tsx';
import { TokenCount } from './token-count.tsx';

const headings = ['Data set', 'Versions', 'Rows', 'Tokens', 'Health', 'Kind', 'Size', 'Newest'];

export function DatasetTable({ datasets }: { datasets: readonly Dataset[] }) {
  return (
    <div className="overflow-x-auto rounded-lg border bg-card" tabIndex={0} role="region" aria-label="Data sets">
      <table className="w-full text-left">
        <thead className="text-[13px] text-muted">
          <tr className="border-b">
            {headings.map((heading) => (
              <th key={heading} className="whitespace-nowrap px-3 py-1.5 font-medium">
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {datasets.map((dataset) => (
            <DatasetRow key={dataset.id} dataset={dataset} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DatasetRow({ dataset: { name, description, versions, latest } }: { dataset: Dataset }) {
  return (
    <tr className="border-b last:border-0 hover:bg-inset" data-dataset={name}>
      <td className="px-3 py-2">
        <Link to="/data/$dataset" params={{ dataset: name }} className="font-medium text-accent hover:underline">
          {name}
        </Link>
        {description !== '' && <span className="block max-w-80 truncate text-muted">{description}</span>}
      </td>
      <td className="px-3 font-mono tabular-nums">{versions}</td>
      {latest ? (
        <>
          <td className="whitespace-nowrap px-3 font-mono tabular-nums">
            {latest.rows.toLocaleString('en-US')}
            {latest.invalid_rows > 0 && <span className="block text-[12px] text-bad">{latest.invalid_rows} unreadable</span>}
          </td>
          <td className="whitespace-nowrap px-3 font-mono tabular-nums">
            <TokenCount version={latest} />
          </td>
          <td className="px-3">
            <Health version={latest} />
          </td>
          <td className="px-3">{latest.kind}</td>
          <td className="whitespace-nowrap px-3 font-mono tabular-nums">{bytes(latest.bytes)}</td>
          <td className="whitespace-nowrap px-3 text-muted">{ago(latest.created_at)}</td>
        </>
      ) : (
        <td colSpan={6} className="px-3 text-muted">
          no version yet
        </td>
      )}
    </tr>
  );
}
