/** The versions of a dataset, newest first: where each came from, and what it differs in. */
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { ago } from '../components/format.ts';
import type { DatasetVersion } from '#contract/datasets.ts';
import type { GoTo } from './use-data-address.ts';
import { originOf } from './version-words.ts';

interface VersionsCardProps {
  versions: readonly DatasetVersion[];
  shown: DatasetVersion;
  go: GoTo;
}

export function VersionsCard({ versions, shown, go }: VersionsCardProps) {
  return (
    <Card title="Versions">
      <ol className="grid gap-2">
        {versions.map((version) => (
          <li key={version.id} className="flex flex-wrap items-baseline gap-x-2" data-version={version.version}>
            <button
              type="button"
              aria-current={version.id === shown.id}
              className="font-medium text-accent hover:underline aria-[current=true]:text-ink"
              onClick={() => go({ version: version.version, compare: null, finding: '', from: 1 })}
            >
              v{version.version}
              {version.id === shown.id && <span className="font-normal text-muted"> (this one)</span>}
            </button>
            <span className="text-muted">
              {version.rows.toLocaleString('en-US')} rows · {ago(version.created_at)}
            </span>
            <span className="w-full break-words text-muted">
              {parentOf(version, versions)}
              {originOf(version)}
            </span>
            {version.id !== shown.id && (
              <Button kind="quiet" className="-ml-3" onClick={() => go({ compare: version.version })}>
                What is different in v{shown.version}?
              </Button>
            )}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function parentOf({ parent_id: id }: DatasetVersion, versions: readonly DatasetVersion[]): string {
  if (id === null) return '';
  const parent = versions.find((each) => each.id === id);
  return parent ? `of v${parent.version} · ` : 'of another data set · ';
}
