/** The engine's process from inside: requests wait here for their version and its sequences, and one batch is decoded after the other. */
import type { Llama, Token } from 'node-llama-cpp';
import { PlatformError } from '#platform/core/errors.ts';
import type { EngineStatus, ServedVersion } from '../../engine.ts';
import type { Answer, Hearing } from './answer.ts';
import { Bases } from './bases.ts';
import { contextLengthOf } from './open-version.ts';
import type { Calls, HostOptions, HostRequest } from './protocol.ts';
import type { LoadedBase, VersionContext } from './version-context.ts';
import { Versions } from './versions.ts';

/** A request that waits for its version to be loaded, or for one of its sequences. */
interface Waiting {
  request: HostRequest;
  hear: Hearing;
  isCancelled: boolean;
  /** Set once it is decoded. */
  answer: Answer | null;
}

/** Without an answer for so long, there is time for what is only of use later. */
const quietMs = 1000;

type Asynchronous = { [Name in keyof Calls]: (...values: Parameters<Calls[Name]>) => Promise<ReturnType<Calls[Name]>> };

export class Host implements Asynchronous {
  readonly #options: HostOptions;
  readonly #bases: Bases;
  readonly #versions: Versions;
  readonly #afterStep: () => void;
  /** In order of arrival. */
  #waiting: Waiting[] = [];
  #isDecoding = false;
  #quiet: NodeJS.Timeout | undefined;
  #llama: Llama | null = null;

  /** `afterStep` is called when what was heard since should be passed on. */
  constructor(options: HostOptions, openLlama: () => Promise<Llama>, afterStep: () => void) {
    this.#options = options;
    this.#afterStep = afterStep;
    this.#bases = new Bases(async () => (this.#llama = await openLlama()));
    this.#versions = new Versions(options, this.#bases);
  }

  async load(version: ServedVersion): Promise<void> {
    const context = await this.#versions.load(version);
    this.#prepareOnceQuiet(context);
  }

  async unload(versionId: string): Promise<void> {
    await this.#versions.unload(versionId);
  }

  async contextLength(version: ServedVersion): Promise<number> {
    return contextLengthOf((await this.#bases.of(version)).model, this.#options);
  }

  async tokenize(version: ServedVersion, text: string, special: boolean | 'rendered'): Promise<number[]> {
    const { model } = await this.#bases.of(version);
    const tokens: number[] = model.tokenize(text, special !== false);
    const { bos, shouldPrependBosToken } = model.tokens;
    return special === true && shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  }

  async detokenize(version: ServedVersion, tokenIds: number[]): Promise<string> {
    const base = await this.#bases.of(version);
    checkTokens(version, base, tokenIds);
    return base.model.detokenize(tokenIds as unknown as Token[], true);
  }

  async status(): Promise<EngineStatus> {
    const loaded = this.#versions.loaded;
    const hasGpu = this.#llama !== null && this.#llama.gpu !== false;
    return {
      memoryBytes: process.memoryUsage.rss(),
      gpuMemoryBytes: hasGpu ? (await this.#llama!.getVramState()).used : 0,
      active: this.#versions.all.reduce((sum, context) => sum + context.active, 0),
      waiting: this.#waiting.length,
      generatedTokens: this.#versions.generatedTokens,
      versions: loaded.map(({ version, loadSeconds }) => ({ id: version.id, loadSeconds })),
    };
  }

  /** The returned function takes the request out again, wherever it is by then. */
  generate(request: HostRequest, hear: Hearing): () => void {
    const waiting: Waiting = { request, hear, isCancelled: false, answer: null };
    this.#admit(waiting).catch((error: unknown) => hear.failure(error));
    return () => {
      waiting.isCancelled = true;
      if (waiting.answer) waiting.answer.isCancelled = true;
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
    };
  }

  async #admit(waiting: Waiting): Promise<void> {
    const { version, prompt } = waiting.request;
    const base = await this.#bases.of(version);
    checkTokens(version, base, prompt);
    this.#checkLength(waiting.request, contextLengthOf(base.model, this.#options));
    if (waiting.isCancelled) return;
    this.#waiting.push(waiting);
    this.#startWaiting();
    // While a version is being loaded, as many as it can decode at once are not yet a queue.
    const most = this.#options.queue + (this.#versions.find(version) ? 0 : this.#options.slots);
    if (waiting.answer === null && this.#waiting.length > most && this.#waiting.at(-1) === waiting) {
      this.#waiting.pop();
      const message = `${most} requests are waiting already; try again soon, or raise TUNELOOP_ENGINE_QUEUE`;
      throw new PlatformError('rate_limit_exceeded', message, { retryAfterSeconds: 1 });
    }
  }

  #checkLength({ version, prompt, maxTokens }: HostRequest, contextLength: number): void {
    if (prompt.length === 0) throw new PlatformError('invalid_request', 'the prompt has no token', { param: 'prompt' });
    if (prompt.length + Math.min(1, maxTokens) <= contextLength) return;
    const message = `"${version.id}" reads at most ${contextLength} tokens, prompt and answer together; the prompt alone has ${prompt.length}`;
    throw new PlatformError('context_length_exceeded', message);
  }

  /** Gives sequences to those who wait, in order of arrival, and begins to load versions that are missing. */
  #startWaiting(): void {
    const left: Waiting[] = [];
    for (const waiting of this.#waiting) {
      const context = this.#versions.find(waiting.request.version);
      if (!context?.hasRoom) {
        left.push(waiting);
        if (!context) this.#loadFor(waiting.request.version);
        continue;
      }
      try {
        waiting.answer = context.start(waiting.request, waiting.hear);
      } catch (error) {
        waiting.hear.failure(error);
      }
    }
    this.#waiting = left;
    void this.#decode();
  }

  #loadFor(version: ServedVersion): void {
    this.#versions.load(version).then(
      () => this.#startWaiting(),
      (error: unknown) => {
        const isFor = ({ request }: Waiting): boolean => request.version.id === version.id;
        for (const waiting of this.#waiting.filter(isFor)) waiting.hear.failure(error);
        this.#waiting = this.#waiting.filter((waiting) => !isFor(waiting));
      },
    );
  }

  /** Steps through the versions in turn as long as any has answers: two at once would only fight for the same cores. */
  async #decode(): Promise<void> {
    if (this.#isDecoding) return;
    this.#isDecoding = true;
    clearTimeout(this.#quiet);
    let last: VersionContext | null = null;
    for (let busy = this.#busy(); busy.length > 0; busy = this.#busy()) {
      for (const context of busy) {
        last = context;
        await context.step().catch((error: unknown) => context.abandon(error));
        this.#afterStep();
        await this.#versions.settle();
        this.#startWaiting();
      }
    }
    this.#isDecoding = false;
    if (last) this.#prepareOnceQuiet(last);
  }

  /** Whoever loads a version, or has asked it, is likely to ask it at once: what is made for the next one would be in the way. */
  #prepareOnceQuiet(last: VersionContext): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      if (!this.#isDecoding && this.#versions.loaded.includes(last)) void this.#versions.prepareNext(last);
    }, quietMs).unref();
  }

  #busy(): VersionContext[] {
    return this.#versions.all.filter((context) => context.active > 0);
  }
}

/** An id beyond the vocabulary would read foreign memory. */
function checkTokens(version: ServedVersion, { vocabularySize }: LoadedBase, tokenIds: number[]): void {
  const wrong = tokenIds.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabularySize);
  if (wrong === undefined) return;
  throw new PlatformError('invalid_request', `there is no token ${wrong}; "${version.id}" has ${vocabularySize}, from 0 on`, {
    param: 'prompt',
  });
}
