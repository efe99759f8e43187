/** One upload at a time; how far it is, and what stops it. */
import { useState } from 'react';
import type { FileObject } from '#contract/openai/files.ts';
import { toastFailure } from '../layout/toasts.ts';
import { uploadFile } from './upload-file.ts';

export interface Upload {
  name: string;
  /** 0 to 1 of what has been sent. */
  share: number;
  cancel: () => void;
}

/** Once `onDone` has taken the file, there is no upload any more. What fails is told at the edge of the page. */
export function useUpload(onDone: (file: FileObject) => void | Promise<void>): [Upload | null, (file: File) => void] {
  const [upload, setUpload] = useState<Upload | null>(null);
  const send = async (file: File): Promise<void> => {
    const stop = new AbortController();
    setUpload({ name: file.name, share: 0, cancel: () => stop.abort() });
    try {
      await onDone(await uploadFile(file, (share) => setUpload((shown) => shown && { ...shown, share }), stop.signal));
    } catch (error) {
      if (!stop.signal.aborted) toastFailure(error);
    } finally {
      setUpload(null);
    }
  };
  return [upload, (file) => void send(file)];
}
