/** Chooses a file by the browser's own dialog. */
import { useRef } from 'react';
import { Button } from '../components/button.tsx';

/** `label` names the hidden field, for those who fill it in without a mouse. */
export function UploadButton({ label, text, onFile }: { label: string; text: string; onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept=".jsonl,.json,.csv,.tsv,.parquet,.txt,.gz"
        className="sr-only"
        aria-label={label}
        tabIndex={-1}
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          if (file) onFile(file);
          event.target.value = '';
        }}
      />
      <Button onClick={() => input.current?.click()}>{text}</Button>
    </>
  );
}
