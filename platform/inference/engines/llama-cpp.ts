/** llama.cpp in a process of its own, by node-llama-cpp: GGUF bases, LoRA versions side by side, requests of a version as one batch. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { defineDriver } from '#platform/core/driver.ts';
import type { Engine, EngineStatus, GenerateEvent, GenerateRequest, OutputFormat, ServedVersion } from '../engine.ts';
import { hearEvents } from '../hear-events.ts';
import { StatusOverRestarts } from '../status-over-restarts.ts';
import { EngineProcess } from './llama-cpp/engine-process.ts';
import { jsonObjectGrammar, jsonSchemaGrammar } from './llama-cpp/json-grammar.ts';
import type { HostRequest } from './llama-cpp/protocol.ts';

/** A core is left free: on a full machine llama.cpp's threads wait for each other by spinning (seen: 21 → 600 CPU ms a token). */
const usualThreads = Math.max(1, availableParallelism() - 1);

export const driver = defineDriver({
  options: z.object({
    threads: z.int().min(1).default(usualThreads),
    slots: z.int().min(1).max(256).default(8).describe('Requests of one version decoded at once; fewer where memory does not allow it.'),
    context: z
      .int()
      .min(16)
      .nullable()
      .default(null)
      .describe('Longest prompt + answer in tokens; null is 2048. At most what the model was trained with.'),
    versions: z.int().min(1).default(4).describe('Versions kept loaded; the one unused longest makes room.'),
    queue: z.int().min(0).default(256).describe('Requests that may wait; one more is refused.'),
  }),
  open: async (options): Promise<LlamaCppEngine> => new LlamaCppEngine(new EngineProcess(options)),
});

export class LlamaCppEngine implements Engine {
  readonly name = 'llama-cpp';
  readonly supports = { tools: false, grammar: true, logprobs: true };
  readonly #process: EngineProcess;
  readonly #status = new StatusOverRestarts();

  constructor(process: EngineProcess) {
    this.#process = process;
  }

  /** Of the process that decodes; null while none runs. */
  get pid(): number | null {
    return this.#process.pid;
  }

  load(version: ServedVersion): Promise<void> {
    return this.#process.call('load', version);
  }

  async unload(versionId: string): Promise<void> {
    if (this.#process.pid !== null) await this.#process.call('unload', versionId);
  }

  contextLength(version: ServedVersion): Promise<number> {
    return this.#process.call('contextLength', version);
  }

  /** With `special`, a model whose tokenizer begins texts with a token of its own (BOS) gets it, once. */
  tokenize(version: ServedVersion, text: string, special: boolean | 'rendered'): Promise<number[]> {
    return this.#process.call('tokenize', version, text, special);
  }

  detokenize(version: ServedVersion, tokenIds: number[]): Promise<string> {
    return this.#process.call('detokenize', version, tokenIds);
  }

  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent> {
    return hearEvents((event, failure) => this.#process.generate(hostRequest(request), event, failure), signal);
  }

  status(): Promise<EngineStatus> {
    return this.#status.read(this.#process.pid, () => this.#process.call('status'));
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** Throws `unsupported_value` for a schema that cannot be promised. */
function hostRequest({ format, tools: _tools, lastUserText: _lastUserText, ...rest }: GenerateRequest): HostRequest {
  return { ...rest, grammar: grammarOf(format) };
}

function grammarOf(format: OutputFormat): string | null {
  if (format.type === 'text') return null;
  return format.type === 'json_object' ? jsonObjectGrammar() : jsonSchemaGrammar(format.schema);
}
