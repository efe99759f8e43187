/** The configuration that this run was frozen to when it was made, and why each choice was made that was left to the platform. */
import type { TrainingRun } from '#contract/training-run.ts';
import { CopyButton } from '../code/code-view.tsx';
import { configRows } from './config-rows.ts';

export function FrozenConfig({ run }: { run: TrainingRun }) {
  const rows = configRows(run);
  return (
    <div className="flex flex-col gap-3">
      <div className="flex items-center justify-between gap-2">
        <p className="text-muted">Frozen when the run was made; nothing changes it.</p>
        <CopyButton text={JSON.stringify(run.config, null, 2)} what="JSON" />
      </div>
      <dl className="grid gap-x-6 md:grid-cols-2">
        {rows.map(({ name, value, why }) => (
          <div key={name} className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 border-b py-1">
            <dt className="font-mono text-[13px]">{name}</dt>
            <dd className="truncate text-right font-mono text-[13px]" title={value}>
              {value}
            </dd>
            {why && <dd className="col-span-2 text-[12px] text-muted">{why}</dd>}
          </div>
        ))}
      </dl>
    </div>
  );
}
