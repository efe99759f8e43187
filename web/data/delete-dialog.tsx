/** Deletes a dataset with all its versions, once its name has been typed. */
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { boxLook } from '../new-run/field.tsx';
import { forgetLists } from './import-data.ts';
import { useSteps } from './use-steps.ts';

export function DeleteDialog({ name, versions, onClose }: { name: string; versions: number; onClose: () => void }) {
  const [typed, setTyped] = useState('');
  const navigate = useNavigate();
  const { begin, step, error } = useSteps(
    async () => call(`/api/v1/datasets/${encodeURIComponent(name)}`, { method: 'DELETE' }),
    () => {
      void navigate({ to: '/data' });
      void forgetLists();
    },
  );
  return (
    <Dialog title={`Delete ${name}`} isOpen onClose={onClose}>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === name) begin(null);
        }}
      >
        <p>
          {versions === 1 ? 'Its one version goes' : `All ${versions} versions go`} with it, and cannot be brought back. What was learnt
          from it stays.
        </p>
        <label>
          <span className="mb-0.5 block text-muted">Type its name to delete it</span>
          <input data-first className={boxLook} value={typed} onChange={(event) => setTyped(event.target.value)} />
        </label>
        <Button kind="danger" type="submit" className="justify-self-start" disabled={typed !== name || step !== null}>
          Delete the data set
        </Button>
        {error !== null && <FailureView error={error} />}
      </form>
    </Dialog>
  );
}
