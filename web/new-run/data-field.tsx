/** What to train on: a file of the platform, or one dropped here, with a look at its first rows. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { FileObject } from '#contract/openai/files.ts';
import { trainingFilesQuery } from '../api/queries.ts';
import { FailureView } from '../components/failure-view.tsx';
import { bytes } from '../components/format.ts';
import type { Draft } from './draft.ts';
import { DatasetOptions } from './dataset-options.tsx';
import { ExampleOptions, examplePrefix, useExample } from './example-options.tsx';
import { boxLook, Field, useProblem } from './field.tsx';
import { RowPreview } from './row-preview.tsx';
import { previewOfFile } from './rows.ts';
import { UploadButton } from './upload-button.tsx';
import { UploadProgress } from './upload-progress.tsx';
import { useDroppedFile } from './use-dropped-file.ts';
import type { ChangeDraft } from './use-draft.ts';
import { useUpload } from './use-upload.ts';

export function DataField({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  const files = useQuery(trainingFilesQuery());
  const queryClient = useQueryClient();
  const [upload, send] = useUpload(async ({ id }) => {
    await queryClient.invalidateQueries({ queryKey: trainingFilesQuery().queryKey });
    change({ trainingFile: id });
  });
  const isOver = useDroppedFile(send);
  const takeExample = useExample(change);
  const chosen = files.data?.data.find(({ id }) => id === draft.trainingFile);
  const choose = (value: string): void =>
    value.startsWith(examplePrefix) ? takeExample(value.slice(examplePrefix.length)) : change({ trainingFile: value });
  return (
    <Field number={2} title="Data" paths={['training_file', 'validation_file']}>
      <div className={`rounded-lg border border-dashed p-2 ${isOver ? 'border-accent bg-accent-soft' : ''}`}>
        {files.isError && <FailureView error={files.error} onRetry={() => void files.refetch()} />}
        <div className="flex flex-wrap gap-2">
          <FileSelect
            label="Training file"
            placeholder={files.isPending ? 'Asking which files there are…' : 'Choose a file, or drop one anywhere'}
            path="training_file"
            files={files.data?.data ?? []}
            value={draft.trainingFile}
            onChange={choose}
          >
            <DatasetOptions chosen={draft.trainingFile} />
            <ExampleOptions />
          </FileSelect>
          <UploadButton label="File to upload" text="Upload…" onFile={send} />
        </div>
        {upload && <UploadProgress upload={upload} />}
        <p className="mt-1.5 text-muted">
          Best is JSONL, one chat a line; Alpaca, ShareGPT, plain text and more are read too, also as CSV or Parquet.
        </p>
      </div>
      {chosen && <StoredPreview file={chosen} />}
      <details className="mt-2" open={draft.validationFile !== '' || undefined}>
        <summary className="text-muted">Held-out rows to measure on</summary>
        <div className="mt-1.5">
          <FileSelect
            label="Validation file"
            placeholder="None: only the training loss is shown"
            path="validation_file"
            files={files.data?.data ?? []}
            value={draft.validationFile}
            onChange={(validationFile) => change({ validationFile })}
          >
            <DatasetOptions chosen={draft.validationFile} />
          </FileSelect>
        </div>
      </details>
    </Field>
  );
}

interface FileSelectProps {
  label: string;
  placeholder: string;
  path: string;
  files: FileObject[];
  value: string;
  onChange: (id: string) => void;
  /** More to choose from. */
  children?: ReactNode;
}

function FileSelect({ label, placeholder, path, files, value, onChange, children }: FileSelectProps) {
  const isWrong = useProblem(path) !== undefined;
  return (
    <select
      aria-label={label}
      aria-invalid={isWrong}
      className={`${boxLook} flex-1 basis-48`}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{placeholder}</option>
      {files.map((file) => (
        <option key={file.id} value={file.id}>
          {file.filename} · {bytes(file.bytes)} · {new Date(file.created_at * 1000).toLocaleString()}
        </option>
      ))}
      {value !== '' && !files.some(({ id }) => id === value) && !value.includes('@') && <option value={value}>{value}</option>}
      {children}
    </select>
  );
}

function StoredPreview({ file: { id, filename } }: { file: FileObject }) {
  const preview = useQuery({
    queryKey: ['rows', id],
    queryFn: ({ signal }) => previewOfFile(id, filename, signal),
    staleTime: Infinity,
    retry: false,
  });
  if (preview.isError) return <FailureView error={preview.error} />;
  if (!preview.data) return null;
  return <RowPreview preview={preview.data} name={filename} />;
}
