/** Makes a version answer: its base from memory, its adapter from a verified file, a context of its own. */
import { resolve } from 'node:path';
import type { LlamaContext, LlamaModel } from 'node-llama-cpp';
import { PlatformError } from '#platform/core/errors.ts';
import type { ServedVersion } from '../../engine.ts';
import { verifyAdapterFile } from '../../verify-adapter-file.ts';
import { disposeContext, setAdapter } from './native.ts';
import type { HostOptions } from './protocol.ts';
import type { SpareContexts } from './spare-contexts.ts';
import { VersionContext, type LoadedBase } from './version-context.ts';

/** Tokens of a context when the settings leave it open; a KV cell of a 7B model is half a megabyte. */
const usualContext = 2048;
/** Most bytes of one version's context: a big model gets fewer sequences instead. */
const mostContextBytes = 2 * 2 ** 30;
/** Tokens of one batch, for each of which llama.cpp sets aside a vocabulary of floats. */
const batchSizes = { cpu: 128, gpu: 512 };

/** Longest prompt + answer. */
export function contextLengthOf(model: LlamaModel, options: HostOptions): number {
  return Math.min(options.context ?? usualContext, model.trainContextSize);
}

/** Throws `artifact_corrupt` for an adapter file that is not what its hash says, `engine_failed` when llama.cpp cannot take it. */
export async function openVersion(
  version: ServedVersion,
  base: LoadedBase,
  options: HostOptions,
  spares: SpareContexts,
): Promise<VersionContext> {
  const startMs = performance.now();
  if (version.adapter) await verifyAdapterFile(version.adapter);
  const contextLength = contextLengthOf(base.model, options);
  const context = await adaptedContext(version, base, spares);
  const loadSeconds = (performance.now() - startMs) / 1000;
  return new VersionContext(version, base, context, { contextLength, threads: options.threads, loadSeconds });
}

async function adaptedContext(version: ServedVersion, base: LoadedBase, spares: SpareContexts): Promise<LlamaContext> {
  let context: LlamaContext | null = null;
  try {
    context = await spares.take(base);
    if (version.adapter) await setAdapter(context, resolve(version.adapter.file));
    return context;
  } catch (cause) {
    if (context) await disposeContext(context);
    if (cause instanceof PlatformError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlatformError('engine_failed', `llama.cpp cannot serve "${version.id}": ${reason}`, { cause });
  }
}

/** A context that any version of the base may take. Throws what llama.cpp says. */
export async function createContext({ model }: LoadedBase, options: HostOptions): Promise<LlamaContext> {
  const batchSize = Math.max(model.llama.gpu === false ? batchSizes.cpu : batchSizes.gpu, 2 * options.slots);
  const size = { contextSize: contextLengthOf(model, options), batchSize, flashAttention: 'auto' as const };
  let sequences = options.slots;
  while (sequences > 1 && (await contextBytes(model, { ...size, sequences })) > mostContextBytes) sequences--;
  return model.createContext({ ...size, sequences, threads: options.threads, failedCreationRemedy: false });
}

async function contextBytes(
  model: LlamaModel,
  size: { contextSize: number; batchSize: number; sequences: number; flashAttention: 'auto' },
): Promise<number> {
  const needs = await model.fileInsights.estimateContextResourceRequirementsV2({ ...size, modelGpuLayers: model.gpuLayers });
  return needs.cpuRam + needs.gpuVram;
}
