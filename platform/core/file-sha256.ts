/** SHA-256 of files: read anew, or remembered as long as the file has not been touched. */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';

/** One piece of memory for the whole file: fresh pieces cost as much as hashing them. */
const pieceBytes = 1 << 20;
/** By device, inode, size and time of last change: two names of one file are one entry. */
const remembered = new Map<string, string>();
const mostRemembered = 10_000;

/** Hex, of what the file holds now. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(pieceBytes);
  await using file = await open(path);
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, pieceBytes);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(piece.subarray(0, bytesRead));
  }
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
