/** One large file over a connection that may break: it goes on from where it was, and counts only once its hash is right. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';
import { PlatformError } from '#platform/core/errors.ts';
import { hubRequest, type HubAddress, type HubResponse } from './hub-request.ts';

/** Breaks in a row that bring not one byte. */
const mostFruitless = 4;

/**
 * Fetches `url` to `path`, by way of `path.half`, and returns its size in bytes. `sha256` is what the hub's list says; without it
 * the hash in the headers counts. Throws what `hubRequest` throws, `source_unreachable` when the connection breaks for good, and
 * `artifact_corrupt` when all has come and the hash differs.
 */
export async function downloadFile(
  address: HubAddress,
  url: string,
  path: string,
  sha256: string | null,
  onBytes: (done: number) => void,
): Promise<number> {
  if (existsSync(path)) return (await stat(path)).size;
  const half = `${path}.half`;
  for (let fruitless = 0; ;) {
    const before = await sizeOf(half);
    const response = await hubRequest(address, url, before > 0 ? { range: `bytes=${before}-` } : {}).catch((error: unknown) =>
      rangeRefused(error, half),
    );
    if (response === null) continue;
    const whole = wholeSize(response, before);
    try {
      await append(response, half, onBytes);
    } catch (cause) {
      if (!isBroken(cause)) throw cause;
      fruitless = (await sizeOf(half)) > before ? 0 : fruitless + 1;
      if (fruitless >= mostFruitless)
        throw new PlatformError(
          'source_unreachable',
          `the connection to ${new URL(url).host} breaks off again and again: pull the model again, it goes on from there`,
          { cause },
        );
      await wait(250 * 2 ** fruitless);
      continue;
    }
    const size = await sizeOf(half);
    if (whole !== null && size < whole) continue;
    await verify(half, size, sha256 ?? hashInHeaders(response), basename(path));
    await rename(half, path);
    return size;
  }
}

async function sizeOf(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0;
}

/** 416: what is here is as long as the file or longer, so it is not its beginning, or its hash was not yet checked. */
async function rangeRefused(error: unknown, half: string): Promise<null> {
  if (!(error instanceof PlatformError) || !/ answers 416 /.test(error.message)) throw error;
  await rm(half, { force: true });
  return null;
}

function wholeSize(response: Response, before: number): number | null {
  const range = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  if (range) return Number(range[1]);
  const length = response.headers.get('content-length');
  if (length === null) return null;
  return response.status === 206 ? before + Number(length) : Number(length);
}

/** A server that knows no ranges answers 200 with the whole file: then it begins anew. */
async function append(response: Response, half: string, onBytes: (done: number) => void): Promise<void> {
  const file = await open(half, response.status === 206 ? 'a' : 'w');
  try {
    let done = (await file.stat()).size;
    for await (const chunk of response.body!) {
      await file.writeFile(chunk);
      done += chunk.byteLength;
      onBytes(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The connection's failure, not the disk's. */
function isBroken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return !/^(ENOSPC|EDQUOT|EACCES|EROFS|EIO|EMFILE)$/.test(code);
}

/** 64 hex digits: SHA-256 of a large file. 40: git's hash of a small one. Anything else vouches for nothing. */
function hashInHeaders(response: HubResponse): string | null {
  const etag = (response.linkedEtag ?? response.headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '');
  return /^([0-9a-f]{64}|[0-9a-f]{40})$/.test(etag) ? etag : null;
}

async function verify(path: string, size: number, expected: string | null, name: string): Promise<void> {
  if (expected === null) return;
  const hash: Hash = expected.length === 40 ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256');
  await pipeline(createReadStream(path), hash);
  if (hash.digest('hex') === expected) return;
  await rm(path);
  throw new PlatformError(
    'artifact_corrupt',
    `${name} arrived damaged, its hash is not the one the hub names: it was thrown away, pull the model again`,
  );
}
