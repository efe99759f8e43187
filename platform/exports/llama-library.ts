/** The llama.cpp library that the engine serves with: it can quantise, too. */
import { readdir } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';

/** Path of libllama of this machine's kind; null where node-llama-cpp has brought none. */
export async function llamaLibrary(): Promise<string | null> {
  const kind = `${platform()}-${arch()}`;
  try {
    const { getBinsDir } = (await import(`@node-llama-cpp/${kind}`)) as { getBinsDir: () => { binsDir: string } };
    const folder = join(getBinsDir().binsDir, kind);
    const name = (await readdir(folder)).find((file) => /^libllama(\.v[\d.]+)?\.(so|dylib)$/.test(file));
    return name === undefined ? null : join(folder, name);
  } catch {
    return null; // the package is for other machines, or is not installed
  }
}
