/** What an uploaded file is taken for, with its first rows; its name, format and columns can be changed before it is kept. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { DataDetection } from '#contract/datasets.ts';
import type { FileObject } from '#contract/openai/files.ts';
import type { DataFormat } from '#contract/row-formats.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { percent } from '../components/format.ts';
import { toastFailure } from '../layout/toasts.ts';
import { boxLook } from '../new-run/field.tsx';
import { RowList } from '../new-run/row-preview.tsx';
import { rowOfValue, type PreviewRow } from '../new-run/rows.ts';
import { columnNames, containerWords, formatWords, kindWords } from './formats.ts';
import { importData, nameOfFile, type ImportRequest } from './import-data.ts';
import { datasetsQuery } from './queries.ts';
import { rowWords } from './row-words.ts';
import { StepLine } from './step-line.tsx';
import { useSteps } from './use-steps.ts';

interface Reading {
  /** Empty is the one that was told from the rows. */
  format: DataFormat | '';
  columns: Record<string, string>;
}

export function ImportForm({ file, onBack }: { file: FileObject; onBack: () => void }) {
  const [name, setName] = useState(nameOfFile(file.filename));
  const [reading, setReading] = useState<Reading>({ format: '', columns: {} });
  const asItIs = useDetection(file.id, { format: '', columns: {} });
  const detection = useDetection(file.id, reading);
  const { begin, step, error, reset } = useImport(file.id);
  const change = (given: Partial<Reading>): void => {
    reset();
    setReading({ ...reading, ...given });
  };
  const found = detection.data;
  const request: ImportRequest = {
    name,
    file_id: file.id,
    ...(reading.format !== '' && { format: reading.format }),
    ...(Object.keys(reading.columns).length > 0 && { columns: reading.columns }),
  };
  return (
    <form
      className="grid grid-cols-1 gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        begin(request);
      }}
    >
      {detection.isError && <FailureView error={detection.error} />}
      {detection.isPending && <StepLine step={`Looking at the first rows of ${file.filename}`} />}
      {found && <Taken found={found} />}
      <div className="grid gap-3 sm:grid-cols-2">
        <NameField name={name} onChange={setName} />
        <FormatField format={reading.format} onChange={(format) => change({ format })} />
      </div>
      {asItIs.data && <Columns names={asItIs.data.columns} columns={reading.columns} onChange={(columns) => change({ columns })} />}
      {found && found.preview.length > 0 && <RowList label="The first rows, as they would be kept" rows={found.preview.map(previewOf)} />}
      <div className="flex flex-wrap items-center gap-2">
        <Button kind="primary" type="submit" disabled={step !== null || detection.isPending || name.trim() === ''}>
          Add as a data set
        </Button>
        <Button kind="quiet" disabled={step !== null} onClick={onBack}>
          Another file
        </Button>
        {step !== null && <StepLine step={step} />}
      </div>
      {error !== null && <FailureView error={error} />}
    </form>
  );
}

/** Leads to the dataset; to the rows that could not be read where there are any. The file itself has then done its work. */
function useImport(fileId: string) {
  const navigate = useNavigate();
  return useSteps(importData, ({ dataset, version, invalid_rows: unreadable }) => {
    void call(`/v1/files/${encodeURIComponent(fileId)}`, { method: 'DELETE' }).catch(toastFailure);
    const search = { version: String(version), ...(unreadable > 0 && { finding: 'invalid_rows' }) };
    void navigate({ to: '/data/$dataset', params: { dataset }, search: search as never });
  });
}

function useDetection(fileId: string, { format, columns }: Reading) {
  const body = { file_id: fileId, ...(format !== '' && { format }), ...(Object.keys(columns).length > 0 && { columns }) };
  return useQuery({
    queryKey: ['detection', body],
    queryFn: ({ signal }) => call<DataDetection>('/api/v1/datasets/detect', { body, signal }),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    retry: false,
  });
}

function previewOf(value: unknown, index: number): PreviewRow {
  const { problem, asked } = rowWords(value);
  if (problem !== null) return { line: index + 1, messages: [], problem: `${problem}: ${asked}` };
  return rowOfValue(index + 1, value);
}

function Taken({ found }: { found: DataDetection }) {
  const { format, kind, container, confidence, reasons, looked_at: seen } = found;
  return (
    <div className={`rounded px-3 py-2 ${format === null || confidence < 1 ? 'bg-warn-soft' : 'bg-inset'}`}>
      <p className="font-medium">
        {format === null
          ? 'No format fits these rows: name one, or rename the columns'
          : `${containerWords[container]} of ${kind === null ? format : kindWords[kind]} (${format}): ${percent(confidence)} of the first ${seen} rows can be read`}
      </p>
      {reasons.map((reason) => (
        <p key={reason} className="break-words text-muted">
          {reason}
        </p>
      ))}
    </div>
  );
}

function NameField({ name, onChange }: { name: string; onChange: (name: string) => void }) {
  const datasets = useQuery(datasetsQuery());
  const same = datasets.data?.data.find((dataset) => dataset.name === name);
  return (
    <label>
      <span className="mb-0.5 block text-muted">
        Name{same && <b className="font-medium text-ink"> · becomes version {(same.latest?.version ?? 0) + 1} of it</b>}
      </span>
      <input className={boxLook} value={name} maxLength={100} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}

function FormatField({ format, onChange }: { format: Reading['format']; onChange: (format: Reading['format']) => void }) {
  return (
    <label>
      <span className="mb-0.5 block text-muted">Format</span>
      <select className={boxLook} value={format} onChange={(event) => onChange(event.target.value as Reading['format'])}>
        <option value="">as told from the rows</option>
        {Object.entries(formatWords).map(([each, words]) => (
          <option key={each} value={each}>
            {each} ({words})
          </option>
        ))}
      </select>
    </label>
  );
}

interface ColumnsProps {
  names: string[];
  columns: Record<string, string>;
  onChange: (columns: Record<string, string>) => void;
}

function Columns({ names, columns, onChange }: ColumnsProps) {
  const set = (name: string, target: string): void => {
    const { [name]: _, ...others } = columns;
    onChange(target === '' ? others : { ...others, [name]: target });
  };
  return (
    <details open={Object.keys(columns).length > 0 || undefined}>
      <summary className="text-muted">Rename columns ({names.length})</summary>
      <div className="mt-2 grid gap-2 sm:grid-cols-2 lg:grid-cols-3">
        {names.map((name) => (
          <label key={name} className="flex items-center gap-2">
            <span className="min-w-0 flex-1 truncate font-mono text-[13px]" title={name}>
              {name}
            </span>
            <select className={`${boxLook} max-w-40`} value={columns[name] ?? ''} onChange={(event) => set(name, event.target.value)}>
              <option value="">as it is</option>
              {columnNames
                .filter((target) => target !== name)
                .map((target) => (
                  <option key={target} value={target}>
                    → {target}
                  </option>
                ))}
            </select>
          </label>
        ))}
      </div>
    </details>
  );
}
