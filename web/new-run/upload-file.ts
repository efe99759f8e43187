/** Uploads a file and tells how far it is; fetch cannot say that of what it sends. */
import type { FileObject } from '#contract/openai/files.ts';
import type { ErrorBody, ErrorCode } from '#contract/errors.ts';
import { ApiFailure, unreachable } from '../api/failure.ts';

/** `onProgress` gets the share that has been sent, 0 to 1. Throws an ApiFailure, or the signal's reason. */
export function uploadFile(file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<FileObject> {
  const form = new FormData();
  form.set('purpose', 'fine-tune');
  form.set('file', file);
  return new Promise((resolve, reject) => {
    const upload = new XMLHttpRequest();
    upload.open('POST', '/v1/files');
    upload.responseType = 'text';
    upload.upload.addEventListener('progress', ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
    upload.addEventListener('error', () => reject(unreachable()));
    upload.addEventListener('abort', () => reject(signal.reason as Error));
    upload.addEventListener('load', () => {
      if (upload.status < 300) resolve(JSON.parse(upload.responseText) as FileObject);
      else reject(failureOfUpload(upload));
    });
    signal.addEventListener('abort', () => upload.abort(), { once: true });
    upload.send(form);
  });
}

function failureOfUpload(upload: XMLHttpRequest): ApiFailure {
  const { message, code, param } = errorIn(upload.responseText) ?? {};
  return new ApiFailure({
    code: (code as ErrorCode | null | undefined) ?? 'unknown',
    message: message ?? `The upload was answered with ${upload.status}.`,
    status: upload.status,
    param: param ?? null,
    requestId: upload.getResponseHeader('x-request-id'),
  });
}

function errorIn(text: string): ErrorBody['error'] | null {
  try {
    return (JSON.parse(text) as ErrorBody).error;
  } catch {
    return null;
  }
}
