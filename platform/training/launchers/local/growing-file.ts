/** The whole lines of a file that another process writes, each once. */
import { open, type FileHandle } from 'node:fs/promises';

const blockBytes = 65_536;

/** It may come into being later, and may start anew: then it is read from its beginning. */
export class GrowingFile {
  readonly #path: string;
  #file: FileHandle | null = null;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  async *read(): AsyncGenerator<string, void> {
    this.#file ??= await open(this.#path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    while (this.#file) {
      const block = Buffer.alloc(blockBytes);
      const { bytesRead } = await this.#file.read(block, 0, blockBytes, this.#offset);
      if (bytesRead === 0) {
        if ((await this.#file.stat()).size >= this.#offset) return;
        this.#offset = 0;
        this.#rest = Buffer.alloc(0);
        continue;
      }
      this.#offset += bytesRead;
      this.#rest = Buffer.concat([this.#rest, block.subarray(0, bytesRead)]);
      for (let end = this.#rest.indexOf(0x0a); end >= 0; end = this.#rest.indexOf(0x0a)) {
        const line = this.#rest.subarray(0, end).toString('utf8');
        this.#rest = this.#rest.subarray(end + 1);
        yield line;
      }
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
