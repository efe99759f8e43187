/** A dataset's name, version and size, and what can be done with it. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { DatasetVersion } from '#contract/datasets.ts';
import { Button } from '../components/button.tsx';
import { percent } from '../components/format.ts';
import { useShortcuts } from '../layout/shortcuts.ts';
import { ConvertDialog } from './convert-dialog.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { ExportDialog } from './export-dialog.tsx';
import { Health } from './health.tsx';
import { statsQuery } from './queries.ts';
import { SplitDialog } from './split-dialog.tsx';
import type { GoTo } from './use-data-address.ts';

interface DatasetHeaderProps {
  version: DatasetVersion;
  versions: readonly DatasetVersion[];
  go: GoTo;
}

export function DatasetHeader({ version, versions, go }: DatasetHeaderProps) {
  const [dialog, setDialog] = useState<'split' | 'convert' | 'export' | 'delete' | null>(null);
  const navigate = useNavigate();
  const reference = `${version.dataset}@${version.version}`;
  const close = (): void => setDialog(null);
  useShortcuts([
    {
      keys: 'n',
      label: 'Train on this version',
      group: 'Data',
      run: () => void navigate({ to: '/new', search: { data: reference } as never }),
    },
    { keys: 's', label: 'Split into parts', group: 'Data', run: () => setDialog('split') },
    { keys: 'x', label: 'Export as a file', group: 'Data', run: () => setDialog('export') },
  ]);
  return (
    <header className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <NameAndVersion version={version} versions={versions} go={go} />
      <p className="mr-auto text-muted">
        <Size version={version} /> · health <Health version={version} />
      </p>
      <div className="flex flex-wrap gap-2">
        <Link
          to="/new"
          search={{ data: reference } as never}
          className="whitespace-nowrap rounded border border-accent bg-accent px-3 py-1.5 font-medium text-on-accent"
        >
          Train on this
        </Link>
        <Button keys="s" onClick={() => setDialog('split')}>
          Split…
        </Button>
        <Button onClick={() => setDialog('convert')}>Convert…</Button>
        <Button keys="x" onClick={() => setDialog('export')}>
          Export…
        </Button>
        <Button kind="danger" onClick={() => setDialog('delete')}>
          Delete…
        </Button>
      </div>
      {dialog === 'split' && <SplitDialog version={version} onClose={close} />}
      {dialog === 'convert' && <ConvertDialog version={version} onClose={close} />}
      {dialog === 'export' && <ExportDialog version={version} onClose={close} />}
      {dialog === 'delete' && <DeleteDialog name={version.dataset} versions={versions.length} onClose={close} />}
    </header>
  );
}

function NameAndVersion({ version, versions, go }: DatasetHeaderProps) {
  return (
    <div className="flex min-w-0 items-center gap-2">
      <Link to="/data" className="text-muted hover:text-ink" aria-label="All data sets">
        Data ▸
      </Link>
      <h1 className="min-w-0 break-words text-lg font-semibold">{version.dataset}</h1>
      <select
        aria-label="Version"
        className="rounded border px-2 py-1"
        value={version.version}
        onChange={(event) => go({ version: Number(event.target.value), compare: null, finding: '', from: 1 })}
      >
        {versions.map(({ id, version: number }) => (
          <option key={id} value={number}>
            v{number}
          </option>
        ))}
      </select>
    </div>
  );
}

function Size({ version }: { version: DatasetVersion }) {
  const tokens = useQuery(statsQuery(version, '')).data?.tokens;
  return (
    <>
      {version.rows.toLocaleString('en-US')} {version.rows === 1 ? 'row' : 'rows'}
      {version.invalid_rows > 0 && <span className="text-bad"> ({version.invalid_rows} unreadable)</span>}
      {tokens && ` · ${tokens.total.toLocaleString('en-US')} tokens · ${percent(tokens.trained_share)} learnt`}
    </>
  );
}
