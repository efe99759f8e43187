/** What to train on: a file of the platform, or one dropped here, with a look at its first rows. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type ReactNode } from 'react';
import type { FileObject } from '#contract/openai/files.ts';
import { trainingFilesQuery } from '../api/queries.ts';
import { Button } from '../components/button.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { bytes } from '../components/format.ts';
import { toastFailure } from '../layout/toasts.ts';
import type { Draft } from './draft.ts';
import { DatasetOptions } from './dataset-options.tsx';
import { ExampleOptions, examplePrefix, useExample } from './example-options.tsx';
import { boxLook, Field, useProblem } from './field.tsx';
import { RowPreview } from './row-preview.tsx';
import { previewOfFile } from './rows.ts';
import { uploadFile } from './upload-file.ts';
import { useDroppedFile } from './use-dropped-file.ts';
import type { ChangeDraft } from './use-draft.ts';

interface Upload {
  name: string;
  /** 0 to 1 of what has been sent. */
  share: number;
  cancel: () => void;
}

export function DataField({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  const files = useQuery(trainingFilesQuery());
  const [upload, send] = useUpload((file) => change({ trainingFile: file.id }));
  const isOver = useDroppedFile((file) => void send(file));
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
          <UploadButton onFile={(file) => void send(file)} />
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

/** One upload at a time; its file joins the list of files. */
function useUpload(onDone: (file: FileObject) => void): [Upload | null, (file: File) => Promise<void>] {
  const queryClient = useQueryClient();
  const [upload, setUpload] = useState<Upload | null>(null);
  const send = async (file: File): Promise<void> => {
    const stop = new AbortController();
    setUpload({ name: file.name, share: 0, cancel: () => stop.abort() });
    try {
      const stored = await uploadFile(file, (share) => setUpload((shown) => shown && { ...shown, share }), stop.signal);
      await queryClient.invalidateQueries({ queryKey: trainingFilesQuery().queryKey });
      onDone(stored);
    } catch (error) {
      if (!stop.signal.aborted) toastFailure(error);
    } finally {
      setUpload(null);
    }
  };
  return [upload, send];
}

function UploadProgress({ upload }: { upload: Upload }) {
  const percent = Math.round(upload.share * 100);
  return (
    <div role="status" className="mt-2 flex items-center gap-2">
      <progress className="h-2 flex-1" max={1} value={upload.share} aria-label={`Upload of ${upload.name}`} />
      <span className="text-muted">{upload.share < 1 ? `sending ${upload.name}, ${percent} %` : `storing ${upload.name}`}</span>
      <Button kind="quiet" onClick={upload.cancel}>
        Cancel
      </Button>
    </div>
  );
}

function UploadButton({ onFile }: { onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".jsonl,.json,.csv,.tsv,.parquet,.txt,.gz"
        className="sr-only"
        aria-label="File to upload"
        tabIndex={-1}
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          if (file) onFile(file);
          event.target.value = '';
        }}
      />
      <Button onClick={() => input.current?.click()}>Upload…</Button>
    </>
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
