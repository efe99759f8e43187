/** How far an upload is. */
import { Button } from '../components/button.tsx';
import type { Upload } from './use-upload.ts';

export function UploadProgress({ upload }: { upload: Upload }) {
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
