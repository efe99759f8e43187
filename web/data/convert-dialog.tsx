/** Rows of another kind, as a dataset of their own. */
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { DatasetVersion } from '#contract/datasets.ts';
import type { RowKind } from '#contract/row-formats.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { boxLook } from '../new-run/field.tsx';
import { kindWords } from './formats.ts';
import { forgetLists } from './import-data.ts';
import { versionPath } from './queries.ts';
import { StepLine } from './step-line.tsx';
import { useSteps } from './use-steps.ts';

export function ConvertDialog({ version, onClose }: { version: DatasetVersion; onClose: () => void }) {
  const others = (Object.keys(kindWords) as RowKind[]).filter((kind) => kind !== version.kind);
  const navigate = useNavigate();
  const [kind, setKind] = useState(others[0]!);
  const [typedName, setName] = useState<string | null>(null);
  const name = typedName ?? `${version.dataset}-${kind}`;
  const { begin, step, error } = useSteps(
    async (body: { to: RowKind; name: string }, onStep) => {
      onStep('Writing the rows');
      const made = await call<DatasetVersion>(`${versionPath(version)}/convert`, { body });
      await forgetLists();
      return made;
    },
    ({ dataset }) => {
      onClose();
      void navigate({ to: '/data/$dataset', params: { dataset } });
    },
  );
  return (
    <Dialog title={`Convert ${version.dataset}, version ${version.version}`} isOpen onClose={onClose}>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          begin({ to: kind, name });
        }}
      >
        <p className="text-muted">
          The rows are {kindWords[version.kind]}. To have the same rows in another format, export them; this makes rows of another kind: the
          better answers of preferences as chats, the questions of chats as prompts.
        </p>
        <div className="grid gap-3 sm:grid-cols-2">
          <label>
            <span className="mb-0.5 block text-muted">Into</span>
            <select data-first className={boxLook} value={kind} onChange={(event) => setKind(event.target.value as RowKind)}>
              {others.map((each) => (
                <option key={each} value={each}>
                  {kindWords[each]}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span className="mb-0.5 block text-muted">Name of the new data set</span>
            <input className={boxLook} value={name} onChange={(event) => setName(event.target.value)} />
          </label>
        </div>
        <Button kind="primary" type="submit" className="justify-self-start" disabled={step !== null}>
          Convert
        </Button>
        {step !== null && <StepLine step={step} />}
        {error !== null && <FailureView error={error} />}
      </form>
    </Dialog>
  );
}
