/** One dataset: its rows, what is wrong with them and how to mend it, where its versions came from, and each row under the X-ray. */
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import type { DatasetVersion } from '#contract/datasets.ts';
import { Button } from '../components/button.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { Waiting } from '../components/waiting.tsx';
import { DatasetHeader } from '../data/dataset-header.tsx';
import { DiffCard } from '../data/diff-card.tsx';
import { FiguresCard } from '../data/figures-card.tsx';
import { FindingsCard } from '../data/findings-card.tsx';
import { checkQuery, versionsQuery } from '../data/queries.ts';
import { RowTable } from '../data/row-table.tsx';
import { useDataAddress, type DataAddress, type GoTo } from '../data/use-data-address.ts';
import { VersionsCard } from '../data/versions-card.tsx';
import { XrayCard } from '../data/xray-card.tsx';

export function Page() {
  const { dataset } = useParams({ strict: false }) as { dataset: string };
  return <DatasetByName key={dataset} name={dataset} />;
}

function DatasetByName({ name }: { name: string }) {
  const versions = useQuery(versionsQuery(name));
  const [address, go] = useDataAddress();
  if (versions.isError && !versions.data) return <FailureView error={versions.error} onRetry={() => void versions.refetch()} />;
  if (!versions.data) return <Waiting for="the data set" />;
  const all = versions.data.data;
  const version = all.find(({ version: number }) => number === (address.version ?? number));
  if (version) return <DatasetPanels key={version.id} version={version} versions={all} address={address} go={go} />;
  const isEmpty = all.length === 0;
  return (
    <EmptyState title={isEmpty ? `${name} has no version yet` : `${name} has no version ${address.version}`}>
      {!isEmpty && <Button onClick={() => go({ version: null })}>Open the newest, version {all[0]!.version}</Button>}
    </EmptyState>
  );
}

interface DatasetPanelsProps {
  version: DatasetVersion;
  versions: readonly DatasetVersion[];
  address: DataAddress;
  go: GoTo;
}

function DatasetPanels({ version, versions, address, go }: DatasetPanelsProps) {
  const report = useQuery(checkQuery(version));
  return (
    <div className="flex flex-col gap-3" data-version={version.version}>
      <DatasetHeader version={version} versions={versions} go={go} />
      <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="grid min-w-0 grid-cols-1 gap-3">
          {address.compare !== null && <DiffCard versions={versions} version={version} base={address.compare} go={go} />}
          <RowTable version={version} findings={report.data?.findings ?? []} address={address} go={go} />
          {address.row !== null && <XrayCard place={version} row={address.row} rows={version.rows} address={address} go={go} />}
        </div>
        <div className="grid min-w-0 grid-cols-1 items-start gap-3 md:grid-cols-2 xl:grid-cols-1">
          <FindingsCard version={version} address={address} go={go} />
          <FiguresCard version={version} />
          <VersionsCard versions={versions} shown={version} go={go} />
        </div>
      </div>
    </div>
  );
}
