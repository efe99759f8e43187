/** SHA-256 of files: read anew, or remembered as long as the file has not been touched. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Pieces of the usual 64 KiB take more time than their hashing. */
const pieceBytes = 1 << 20;
/** By device, inode, size and time of last change: two names of one file are one entry. */
const remembered = new Map<string, string>();
const mostRemembered = 10_000;

/** Hex, of what the file holds now. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: pieceBytes }), hash);
  return hash.digest('hex');
}

/** Hex, as this process read it last, if the file has kept its place, its size and its time of last change; otherwise read now. */
export async function knownFileSha256(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  const key = `${dev} ${ino} ${size} ${mtimeNs}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const sha256 = await fileSha256(path);
  if (remembered.size >= mostRemembered) remembered.clear();
  remembered.set(key, sha256);
  return sha256;
}
