/** Which versions are loaded: up to a limit, the one unused longest makes room, and one that answers is never cut off. */
import type { ServedVersion } from '../../engine.ts';
import type { Bases } from './bases.ts';
import { createContext, openVersion } from './open-version.ts';
import type { HostOptions } from './protocol.ts';
import { SpareContexts } from './spare-contexts.ts';
import type { VersionContext } from './version-context.ts';

export class Versions {
  readonly #options: HostOptions;
  readonly #bases: Bases;
  readonly #spares: SpareContexts;
  readonly #contexts = new Map<string, VersionContext>();
  /** Unloaded, but still answering what they had begun. */
  readonly #leaving = new Map<VersionContext, PromiseWithResolvers<void>>();
  readonly #opening = new Map<string, Promise<VersionContext>>();
  /** One version is opened after the other, so that two never share an adapter's weights. */
  #lastOpened: Promise<unknown> = Promise.resolve();
  #retiredTokens = 0;

  constructor(options: HostOptions, bases: Bases) {
    this.#options = options;
    this.#bases = bases;
    this.#spares = new SpareContexts((base) => createContext(base, options));
  }

  get loaded(): VersionContext[] {
    return [...this.#contexts.values()];
  }

  /** Everything that may have answers to decode. */
  get all(): VersionContext[] {
    return [...this.#contexts.values(), ...this.#leaving.keys()];
  }

  get generatedTokens(): number {
    return this.all.reduce((sum, context) => sum + context.generatedTokens, this.#retiredTokens);
  }

  find(version: ServedVersion): VersionContext | undefined {
    return this.#contexts.get(keyOf(version));
  }

  /** Waits for room where all loaded versions are answering. */
  load(version: ServedVersion): Promise<VersionContext> {
    const key = keyOf(version);
    const loaded = this.#contexts.get(key);
    if (loaded) return Promise.resolve(loaded);
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#lastOpened.then(() => this.#open(version, key)).finally(() => this.#opening.delete(key));
      this.#lastOpened = opening.catch(() => {});
      this.#opening.set(key, opening);
    }
    return opening;
  }

  /** Makes ready for the next version on the base of this one: to be called when nobody waits for an answer. Does not throw. */
  async prepareNext(loaded: VersionContext): Promise<void> {
    this.#spares.prepare(await this.#bases.of(loaded.version), loaded.memoryBytes);
  }

  /** Resolves once its running answers have ended and its memory is free. */
  async unload(versionId: string): Promise<void> {
    for (const [key, context] of this.#contexts) {
      if (context.version.id === versionId) await this.#leave(key, context);
    }
    for (const [context, gone] of this.#leaving) {
      if (context.version.id === versionId) await gone.promise;
    }
  }

  /** To be called when answers have ended: frees what waits for that. */
  async settle(): Promise<void> {
    for (const [context, gone] of this.#leaving) {
      if (context.active > 0) continue;
      this.#leaving.delete(context);
      this.#retiredTokens += context.generatedTokens;
      await context.dispose();
      await this.#dropUnusedBase(context.version.baseFile!);
      gone.resolve();
    }
  }

  async #open(version: ServedVersion, key: string): Promise<VersionContext> {
    while (this.#contexts.size + this.#leaving.size >= this.#options.versions) {
      const [leaving] = this.#leaving.values();
      if (leaving) await leaving.promise;
      else await this.#leave(...this.#mostIdle());
    }
    const context = await openVersion(version, await this.#bases.of(version), this.#options, this.#spares);
    this.#contexts.set(key, context);
    return context;
  }

  /** Of those without answers the one unused longest, else the one with the fewest answers. */
  #mostIdle(): [string, VersionContext] {
    const entries = [...this.#contexts].toSorted(([, a], [, b]) => a.active - b.active || a.lastUsed - b.lastUsed);
    return entries[0]!;
  }

  /** New requests for this version load it again; what runs goes on. */
  #leave(key: string, context: VersionContext): Promise<void> {
    this.#contexts.delete(key);
    const gone = Promise.withResolvers<void>();
    this.#leaving.set(context, gone);
    void this.settle();
    return gone.promise;
  }

  async #dropUnusedBase(file: string): Promise<void> {
    const isUsed = this.all.some(({ version }) => version.baseFile === file) || this.#opening.size > 0;
    if (isUsed) return;
    const base = await this.#bases.loaded(file);
    if (base) await this.#spares.drop(base);
    await this.#bases.drop(file);
  }
}

/** By content, never by name alone: the same name may come back with other weights. */
function keyOf({ id, baseFile, adapter }: ServedVersion): string {
  return JSON.stringify([id, baseFile, adapter?.sha256 ?? null]);
}
