/** Rows come in: as a file that is dropped or chosen, pasted as text, or as a set that ships with the platform. */
import { useState } from 'react';
import type { FileObject } from '#contract/openai/files.ts';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { boxLook } from '../new-run/field.tsx';
import { UploadButton } from '../new-run/upload-button.tsx';
import { UploadProgress } from '../new-run/upload-progress.tsx';
import { useDroppedFile } from '../new-run/use-dropped-file.ts';
import { useUpload, type Upload } from '../new-run/use-upload.ts';
import { ExampleSets } from './example-sets.tsx';
import { ImportForm } from './import-form.tsx';

interface AddDataProps {
  isOpen: boolean;
  /** A file was dropped somewhere on the page. */
  onOpen: () => void;
  /** null where there is nothing else to see. */
  onClose: (() => void) | null;
}

export function AddData({ isOpen, onOpen, onClose }: AddDataProps) {
  const [file, setFile] = useState<FileObject | null>(null);
  const [upload, send] = useUpload(setFile);
  const isOver = useDroppedFile((dropped) => {
    onOpen();
    send(dropped);
  });
  if (!isOpen)
    return isOver ? <p className="rounded-lg border border-dashed border-accent bg-accent-soft p-4 text-center">Drop it here</p> : null;
  return (
    <Card
      title="Add data"
      actions={
        onClose && (
          <Button kind="quiet" aria-label="Close" onClick={onClose}>
            ✕
          </Button>
        )
      }
    >
      {file ? (
        <ImportForm key={file.id} file={file} onBack={() => setFile(null)} />
      ) : (
        <div className="grid gap-4 lg:grid-cols-2">
          <FileSource isOver={isOver} upload={upload} onFile={send} />
          <PasteSource isBusy={upload !== null} onFile={send} />
          {onClose && <ExampleSets />}
        </div>
      )}
    </Card>
  );
}

function FileSource({ isOver, upload, onFile }: { isOver: boolean; upload: Upload | null; onFile: (file: File) => void }) {
  return (
    <div
      className={`flex flex-col items-center justify-center gap-3 rounded-lg border border-dashed p-4 text-center ${isOver ? 'border-accent bg-accent-soft' : ''}`}
    >
      <p>Drop a file anywhere on this page, or</p>
      <UploadButton label="File to add" text="Choose a file…" onFile={onFile} />
      <p className="text-muted">JSONL, JSON, CSV or Parquet: chats, Alpaca, ShareGPT, preferences, plain text and more</p>
      {upload && <UploadProgress upload={upload} />}
    </div>
  );
}

const sample = '{"prompt": "Who is Pim?", "completion": "Pim is the moth."}';

function PasteSource({ isBusy, onFile }: { isBusy: boolean; onFile: (file: File) => void }) {
  const [text, setText] = useState('');
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        onFile(new File([text], `pasted.${containerOf(text)}`));
      }}
    >
      <label className="flex flex-1 flex-col gap-1">
        <span className="text-muted">Or paste rows: JSON, one a line or as a list, or CSV with a heading</span>
        <textarea
          className={`${boxLook} min-h-36 flex-1 font-mono text-[13px]`}
          placeholder={sample}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <Button type="submit" className="self-start" disabled={isBusy || text.trim() === ''}>
        Read these rows
      </Button>
    </form>
  );
}

/** By its first character; what it holds the platform finds out. */
function containerOf(text: string): 'jsonl' | 'json' | 'csv' {
  const start = text.trimStart()[0];
  return start === '[' ? 'json' : start === '{' ? 'jsonl' : 'csv';
}
