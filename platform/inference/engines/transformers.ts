/** The worker's own libraries in a process of its own: whatever was trained, answered by the code that trained it. */
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import type { ServingRequest, ServingVersion } from '#contract/serving.ts';
import { defineDriver } from '#platform/core/driver.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { Engine, EngineStatus, GenerateEvent, GenerateRequest, ServedVersion } from '../engine.ts';
import { hearEvents } from '../hear-events.ts';
import { StatusOverRestarts } from '../status-over-restarts.ts';
import { verifyAdapterFile } from '../verify-adapter-file.ts';
import { WorkerProcess } from './transformers/worker-process.ts';

export const driver = defineDriver({
  options: z.object({
    python: z.string().describe('Python of the worker.'),
    root: z.string().describe('Where the package "worker" is found.'),
    threads: z
      .int()
      .min(1)
      .default(Math.max(1, availableParallelism() - 1)),
    slots: z.int().min(1).max(256).default(8).describe('Requests that take turns, one token each.'),
    context: z
      .int()
      .min(16)
      .nullable()
      .default(null)
      .describe('Longest prompt + answer in tokens; null is what the model was trained with.'),
    versions: z.int().min(1).default(4).describe('Versions kept loaded; the one unused longest makes room.'),
    queue: z.int().min(0).default(256).describe('Requests that may wait; one more is refused.'),
  }),
  open: async (options): Promise<TransformersEngine> => new TransformersEngine(new WorkerProcess(options)),
});

/** Versions whose files were read and found whole. */
const mostVerified = 1000;

export class TransformersEngine implements Engine {
  readonly name = 'transformers';
  readonly supports = { tools: false, grammar: false, logprobs: true };
  readonly #process: WorkerProcess;
  readonly #status = new StatusOverRestarts();
  readonly #verified = new Map<string, Promise<void>>();

  constructor(process: WorkerProcess) {
    this.#process = process;
  }

  /** Of the process that decodes; null while none runs. */
  get pid(): number | null {
    return this.#process.pid;
  }

  async load(version: ServedVersion): Promise<void> {
    await this.contextLength(version);
  }

  async unload(versionId: string): Promise<void> {
    if (this.#process.pid !== null) await this.#process.call('done', { command: 'unload', version_id: versionId });
  }

  async contextLength(version: ServedVersion): Promise<number> {
    await this.#verify(version);
    return (await this.#process.call('loaded', { command: 'load', version: servingVersion(version) })).context_length;
  }

  async tokenize(version: ServedVersion, text: string, special: boolean | 'rendered'): Promise<number[]> {
    const how = special === 'rendered' ? special : special ? 'special' : 'plain';
    const asked = { command: 'tokenize', version: servingVersion(version), text, special: how } as const;
    return (await this.#process.call('tokens', asked)).token_ids;
  }

  async detokenize(version: ServedVersion, tokenIds: number[]): Promise<string> {
    return (await this.#process.call('text', { command: 'detokenize', version: servingVersion(version), token_ids: tokenIds })).text;
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    signal.throwIfAborted();
    if (request.format.type !== 'text') {
      const message = `response_format: "${request.version.id}" is served by an engine that cannot hold an answer to a grammar`;
      throw new PlatformError('unsupported_value', message, { param: 'response_format' });
    }
    await this.#verify(request.version);
    const asked = servingRequest(request);
    yield* hearEvents((event, failure) => this.#process.generate(asked, request, event, failure), signal);
  }

  status(): Promise<EngineStatus> {
    return this.#status.read(this.#process.pid, async () => {
      const { memory_bytes, gpu_memory_bytes, active, waiting, generated_tokens, versions } = await this.#process.call('status', {
        command: 'status',
      });
      return {
        memoryBytes: memory_bytes,
        gpuMemoryBytes: gpu_memory_bytes,
        active,
        waiting,
        generatedTokens: generated_tokens,
        versions: versions.map(({ id, load_seconds }) => ({ id, loadSeconds: load_seconds })),
      };
    });
  }

  close(): Promise<void> {
    return this.#process.close();
  }

  /** Once a file and hash: whoever resolves a model's name looks again whether its file was touched. */
  #verify({ adapter }: ServedVersion): Promise<void> {
    if (!adapter) return Promise.resolve();
    const key = `${adapter.sha256} ${adapter.file}`;
    let verified = this.#verified.get(key);
    if (!verified) {
      if (this.#verified.size >= mostVerified) this.#verified.clear();
      verified = verifyAdapterFile(adapter);
      verified.catch(() => this.#verified.delete(key));
      this.#verified.set(key, verified);
    }
    return verified;
  }
}

function servingVersion({ id, modelDir, adapter }: ServedVersion): ServingVersion {
  if (modelDir === undefined) throw new PlatformError('engine_failed', `"${id}" has no folder with weights that the engine could read`);
  return { id, model_dir: modelDir, adapter_dir: adapter && dirname(adapter.file), sha256: adapter?.sha256 ?? null };
}

function servingRequest(request: GenerateRequest): ServingRequest {
  return {
    version: servingVersion(request.version),
    prompt: request.prompt,
    max_tokens: request.maxTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    min_p: request.minP,
    seed: request.seed ?? randomInt(2 ** 31),
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    logit_bias: request.logitBias,
    top_logprobs: request.topLogprobs,
    echo: request.echo,
  };
}
