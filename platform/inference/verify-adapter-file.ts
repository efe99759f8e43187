/** Before an engine loads trained weights: is the file what its hash says? */
import { PlatformError } from '#platform/core/errors.ts';
import { fileSha256 } from '#platform/core/file-sha256.ts';

/** Throws `artifact_corrupt`. */
export async function verifyAdapterFile(adapter: { file: string; sha256: string }): Promise<void> {
  const found = await fileSha256(adapter.file).catch((cause: unknown) => {
    throw new PlatformError('artifact_corrupt', `the adapter's file ${adapter.file} cannot be read; train or import the model again`, {
      cause,
    });
  });
  if (found === adapter.sha256) return;
  throw new PlatformError('artifact_corrupt', `${adapter.file} has SHA-256 ${found}, not ${adapter.sha256}: it was changed after training`);
}
