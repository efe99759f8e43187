/** The base models in memory, each loaded once for all versions on it. */
import { stat } from 'node:fs/promises';
import type { Llama } from 'node-llama-cpp';
import { PlatformError } from '#platform/core/errors.ts';
import type { ServedVersion } from '../../engine.ts';
import { nativeModel } from './native.ts';
import { readTokenBytes } from './token-bytes.ts';
import type { LoadedBase } from './version-context.ts';

/** A guess at how fast a prompt is read, until one was: bytes of weights that a core multiplies with a token. */
const bytesPerMs = 10e6;

export class Bases {
  readonly #openLlama: () => Promise<Llama>;
  #llama: Promise<Llama> | null = null;
  /** By file. */
  readonly #bases = new Map<string, Promise<LoadedBase>>();

  constructor(openLlama: () => Promise<Llama>) {
    this.#openLlama = openLlama;
  }

  /** Throws `artifact_corrupt` when the file is missing, `engine_failed` when llama.cpp cannot load it. */
  of(version: ServedVersion): Promise<LoadedBase> {
    const file = version.baseFile;
    if (file === null) throw new PlatformError('engine_failed', `"${version.id}" names no GGUF file; the llama-cpp engine needs one`);
    let base = this.#bases.get(file);
    if (!base) {
      base = this.#load(file);
      this.#bases.set(file, base);
      base.catch(() => this.#bases.delete(file));
    }
    return base;
  }

  /** Null when it is not in memory. */
  async loaded(file: string): Promise<LoadedBase | null> {
    return (await this.#bases.get(file)) ?? null;
  }

  /** Frees a base that no version needs any more. */
  async drop(file: string): Promise<void> {
    const base = await this.#bases.get(file);
    this.#bases.delete(file);
    await base?.model.dispose();
  }

  async #load(file: string): Promise<LoadedBase> {
    const { size } = await stat(file).catch((cause: unknown) => {
      throw new PlatformError('artifact_corrupt', `the base model's file ${file} cannot be read; pull the model again`, { cause });
    });
    this.#llama ??= this.#openLlama();
    const llama = await this.#llama;
    try {
      const model = await llama.loadModel({ modelPath: file });
      const vocabulary = model.fileInfo.metadata.tokenizer?.ggml;
      const tokens = readTokenBytes(nativeModel(model), vocabulary?.model ?? '');
      return { llama, model, tokens, vocabularySize: vocabulary?.tokens?.length ?? 0, pace: { msPerToken: size / bytesPerMs } };
    } catch (cause) {
      throw new PlatformError('engine_failed', `llama.cpp cannot load ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
  }
}
