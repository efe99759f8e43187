/** What is wrong with the rows of a version, where, and what can be done about it: each fix is a new version. */
import { useQuery } from '@tanstack/react-query';
import type { DataCheck, DataFinding, DatasetVersion } from '#contract/datasets.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { ago } from '../components/format.ts';
import { Waiting } from '../components/waiting.tsx';
import { useShortcuts } from '../layout/shortcuts.ts';
import { toast } from '../layout/toasts.ts';
import { FindingView, type Fix } from './finding-view.tsx';
import { againstOf, checkVersion, forgetLists, mostRowsCheckedUnasked } from './import-data.ts';
import { checkQuery, datasetsQuery, versionPath } from './queries.ts';
import { StepLine } from './step-line.tsx';
import type { DataAddress, GoTo } from './use-data-address.ts';
import { useSteps } from './use-steps.ts';

interface FindingsCardProps {
  version: DatasetVersion;
  address: DataAddress;
  go: GoTo;
}

export function FindingsCard({ version, address: { against }, go }: FindingsCardProps) {
  const report = useQuery(checkQuery(version));
  const check = useSteps(
    async (_: unknown, onStep) => {
      onStep(`Looking through ${version.rows.toLocaleString('en-US')} rows`);
      await checkVersion(version, against);
      await forgetLists();
    },
    () => undefined,
  );
  const fix = useFix(version, against, go);
  useShortcuts([{ keys: 'c', label: 'Look through the rows', group: 'Data', run: () => check.begin(null) }]);
  const step = check.step ?? fix.step;
  const error = check.error ?? fix.error;
  return (
    <Card
      title="Findings"
      actions={
        <Button keys="c" disabled={step !== null} onClick={() => check.begin(null)}>
          {report.data ? 'Look again' : 'Look through the rows'}
        </Button>
      }
    >
      {step !== null && <StepLine step={step} />}
      {error !== null && <FailureView error={error} />}
      {report.isError && <FailureView error={report.error} onRetry={() => void report.refetch()} />}
      {report.isPending && <Waiting for="the findings" />}
      {report.data === null && <p className="text-muted">Nobody has looked through these rows yet.</p>}
      {report.data && <Report report={report.data} isBusy={step !== null} go={go} onFix={fix.begin} />}
      <Against version={version} value={against} onChange={(reference) => go({ against: reference })} />
    </Card>
  );
}

interface ReportProps {
  report: DataCheck;
  isBusy: boolean;
  go: GoTo;
  onFix: (fixes: Fix[] | 'proposed') => void;
}

function Report({ report, isBusy, go, onFix }: ReportProps) {
  const { findings, health, checks, model, created_at: at } = report;
  const proposed = findings.filter(({ fix, severity }) => fix !== null && severity !== 'info');
  return (
    <div className="grid grid-cols-1 gap-3">
      <p className="text-muted">
        <b className="font-medium text-ink">Health {health}</b>: {checks.length} checks{' '}
        {model === null ? 'without a tokenizer' : `for ${model}`}, {ago(at)}
      </p>
      {findings.length === 0 && <p className="text-good">✓ Nothing was found.</p>}
      {findings.map((finding: DataFinding) => (
        <FindingView key={finding.kind} finding={finding} isBusy={isBusy} go={go} onFix={(each) => onFix([each])} />
      ))}
      {proposed.length > 1 && (
        <Button disabled={isBusy} onClick={() => onFix('proposed')}>
          Mend all that is proposed → new version
        </Button>
      )}
    </div>
  );
}

/** Leads to the new version, beside what it was made from. */
function useFix(version: DatasetVersion, against: string, go: GoTo) {
  return useSteps(
    async (fixes: Fix[] | 'proposed', onStep) => {
      onStep('Making a new version');
      const made = await call<DatasetVersion>(`${versionPath(version)}/fix`, { body: { fixes, ...againstOf(against) } });
      if (made.id !== version.id && made.rows <= mostRowsCheckedUnasked) {
        onStep(`Looking through the ${made.rows.toLocaleString('en-US')} rows that are left`);
        await checkVersion(made, against);
      }
      await forgetLists();
      return made;
    },
    (made) => {
      if (made.id === version.id)
        toast({
          kind: 'info',
          text: 'There was nothing to mend: the rows are as they were. Leaks are found only beside the held-out rows that are chosen.',
        });
      else go({ version: made.version, compare: version.version, finding: '', row: null, from: 1 });
    },
  );
}

/** Rows of these that stand here too are leaks: found the next time one looks. */
function Against({ version, value, onChange }: { version: DatasetVersion; value: string; onChange: (reference: string) => void }) {
  const datasets = useQuery(datasetsQuery());
  const others = (datasets.data?.data ?? []).filter(({ name, latest }) => name !== version.dataset && latest !== null);
  if (others.length === 0) return null;
  return (
    <label className="mt-3 block">
      <span className="mb-0.5 block text-muted">Held-out rows that must not stand here, for “Look again”</span>
      <select className="w-full rounded border px-2 py-1" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">none</option>
        {others.map(({ name, latest }) => (
          <option key={name} value={`${name}@${latest!.version}`}>
            {name} @{latest!.version}
          </option>
        ))}
      </select>
    </label>
  );
}
