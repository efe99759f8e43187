/** The rows of a version as a file, in any format that has a place for them. */
import { useState } from 'react';
import type { DatasetVersion } from '#contract/datasets.ts';
import type { DataContainer, DataFormat } from '#contract/row-formats.ts';
import { request } from '../api/call.ts';
import { ApiFailure } from '../api/failure.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { boxLook } from '../new-run/field.tsx';
import { containerWords, formatWords } from './formats.ts';
import { versionPath } from './queries.ts';
import { StepLine } from './step-line.tsx';
import { useSteps } from './use-steps.ts';

interface ExportRequest {
  format: DataFormat | '';
  container: DataContainer;
  skip: boolean;
}

export function ExportDialog({ version, onClose }: { version: DatasetVersion; onClose: () => void }) {
  const [asked, setAsked] = useState<ExportRequest>({ format: '', container: 'jsonl', skip: false });
  const { begin, step, error } = useSteps(
    async (chosen: ExportRequest, onStep) => {
      onStep('Writing the file');
      save(await exported(version, chosen), `${version.dataset}-v${version.version}.${chosen.container}`);
    },
    () => undefined,
  );
  return (
    <Dialog title={`Export ${version.dataset}, version ${version.version}`} isOpen onClose={onClose}>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          begin(asked);
        }}
      >
        <FileFields asked={asked} onChange={setAsked} />
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={asked.skip} onChange={(event) => setAsked({ ...asked, skip: event.target.checked })} />
          Leave out rows that the format has no place for
        </label>
        <Button kind="primary" type="submit" className="justify-self-start" disabled={step !== null}>
          Download
        </Button>
        {step !== null && <StepLine step={step} />}
        {error !== null && <FailureView error={error} />}
      </form>
    </Dialog>
  );
}

function FileFields({ asked, onChange }: { asked: ExportRequest; onChange: (asked: ExportRequest) => void }) {
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <label>
        <span className="mb-0.5 block text-muted">Format</span>
        <select
          data-first
          className={boxLook}
          value={asked.format}
          onChange={(event) => onChange({ ...asked, format: event.target.value as DataFormat | '' })}
        >
          <option value="">as the rows are kept</option>
          {Object.entries(formatWords).map(([format, words]) => (
            <option key={format} value={format}>
              {format} ({words})
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="mb-0.5 block text-muted">File</span>
        <select
          className={boxLook}
          value={asked.container}
          onChange={(event) => onChange({ ...asked, container: event.target.value as DataContainer })}
        >
          {Object.entries(containerWords).map(([container, words]) => (
            <option key={container} value={container}>
              {words}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

/** Read to its end before it is saved: a row that has no place ends the answer, and half a file would look like a whole one. */
async function exported(version: DatasetVersion, { format, container, skip }: ExportRequest): Promise<Blob> {
  const query = new URLSearchParams({ container, ...(format !== '' && { format }), ...(skip && { skip: 'true' }) });
  const response = await request(`${versionPath(version)}/export?${query.toString()}`);
  return response.blob().catch(() => {
    throw new ApiFailure({
      code: 'unknown',
      status: 0,
      message: `The file broke off: some row has no place in ${format === '' ? 'it' : format}. Leave such rows out, or take another format.`,
    });
  });
}

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
