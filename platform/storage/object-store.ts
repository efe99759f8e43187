/** Where the bytes of files are: the interface that every object store driver implements. */
import type { Readable } from 'node:stream';

/** What was stored, as it was counted and hashed on its way in. */
export interface StoredObject {
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** Keys are ours, never a caller's: lower and upper case letters, digits, `-`, `_` and `/` between parts. */
export interface ObjectStore {
  /**
   * Stores all of `body` or nothing: a reader never sees a part. Once it returns, the object survives a crash. Throws
   * `payload_too_large` beyond `limitBytes`, `disk_full`, and what `body` itself throws.
   */
  put(key: string, body: Readable, limitBytes?: number): Promise<StoredObject>;
  /** Throws `artifact_corrupt` when there is no such object: whoever asks has it in a row. */
  get(key: string): Promise<Readable>;
  /** Where it is on this machine; null when the store is elsewhere. */
  path(key: string): string | null;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  exists(key: string): Promise<boolean>;
}
