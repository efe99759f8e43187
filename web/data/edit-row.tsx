/** Another row in the place of one, or none: as a new version. */
import { useState } from 'react';
import type { DatasetVersion } from '#contract/datasets.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { boxLook } from '../new-run/field.tsx';
import { forgetLists } from './import-data.ts';
import { versionPath, type VersionPlace } from './queries.ts';
import type { GoTo } from './use-data-address.ts';
import { useSteps } from './use-steps.ts';

interface EditRowProps {
  place: VersionPlace;
  row: number;
  value: unknown;
  go: GoTo;
  onClose: () => void;
}

export function EditRow({ place, row, value, go, onClose }: EditRowProps) {
  const [text, setText] = useState(JSON.stringify(value, null, 2));
  const read = readObject(text);
  const { begin, step, error } = useSteps(
    async (given: unknown) => {
      const made = await call<DatasetVersion>(`${versionPath(place)}/rows/${row}`, { body: { value: given } });
      await forgetLists();
      return made;
    },
    ({ version }) => {
      onClose();
      go({ version, compare: place.version, finding: '' });
    },
  );
  return (
    <Dialog title={`Edit row ${row}`} isOpen onClose={onClose}>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if ('value' in read) begin(read.value);
        }}
      >
        <textarea
          data-first
          aria-label="The row as JSON"
          aria-invalid={'problem' in read}
          spellCheck={false}
          className={`${boxLook} min-h-72 font-mono text-[13px]`}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {'problem' in read && <p className="text-bad">{read.problem}</p>}
        {error !== null && <FailureView error={error} />}
        <div className="flex flex-wrap gap-2">
          <Button kind="primary" type="submit" disabled={step !== null || 'problem' in read}>
            Save as a new version
          </Button>
          <Button kind="danger" disabled={step !== null} onClick={() => begin(null)}>
            Drop the row, as a new version
          </Button>
        </div>
        <p className="text-muted">Version {place.version} stays as it is.</p>
      </form>
    </Dialog>
  );
}

function readObject(text: string): { value: object } | { problem: string } {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value };
    return { problem: 'A row is a JSON object: {"messages": […]}' };
  } catch (error) {
    return { problem: `This is not JSON yet: ${(error as Error).message}` };
  }
}
