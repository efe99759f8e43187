/** Makes a version answer: its base from memory, its adapter from a verified file, a context of its own. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LlamaContext, LlamaModel } from 'node-llama-cpp';
import { PlatformError } from '#platform/core/errors.ts';
import type { ServedVersion } from '../../engine.ts';
import { forgetLora } from './native.ts';
import type { HostOptions } from './protocol.ts';
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
export async function openVersion(version: ServedVersion, base: LoadedBase, options: HostOptions): Promise<VersionContext> {
  const startMs = performance.now();
  if (version.adapter) await verifyAdapter(version.adapter);
  const contextLength = contextLengthOf(base.model, options);
  const context = await createContext(version, base.model, contextLength, options);
  const loadSeconds = (performance.now() - startMs) / 1000;
  return new VersionContext(version, base, context, { contextLength, threads: options.threads, loadSeconds });
}

async function verifyAdapter(adapter: { file: string; sha256: string }): Promise<void> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(adapter.file), hash);
  } catch (cause) {
    throw new PlatformError('artifact_corrupt', `the adapter's file ${adapter.file} cannot be read; train or import the model again`, {
      cause,
    });
  }
  const found = hash.digest('hex');
  if (found === adapter.sha256) return;
  throw new PlatformError('artifact_corrupt', `${adapter.file} has SHA-256 ${found}, not ${adapter.sha256}: it was changed after training`);
}

async function createContext(
  version: ServedVersion,
  model: LlamaModel,
  contextLength: number,
  options: HostOptions,
): Promise<LlamaContext> {
  const batchSize = Math.max(model.llama.gpu === false ? batchSizes.cpu : batchSizes.gpu, 2 * options.slots);
  const size = { contextSize: contextLength, batchSize, flashAttention: 'auto' as const };
  let sequences = options.slots;
  try {
    while (sequences > 1 && (await contextBytes(model, { ...size, sequences })) > mostContextBytes) sequences--;
    if (version.adapter) forgetLora(model, resolve(version.adapter.file));
    const lora = version.adapter ? { adapters: [{ filePath: version.adapter.file }] } : undefined;
    return await model.createContext({ ...size, sequences, threads: options.threads, failedCreationRemedy: false, ...(lora && { lora }) });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlatformError('engine_failed', `llama.cpp cannot serve "${version.id}": ${reason}`, { cause });
  }
}

async function contextBytes(
  model: LlamaModel,
  size: { contextSize: number; batchSize: number; sequences: number; flashAttention: 'auto' },
): Promise<number> {
  const needs = await model.fileInsights.estimateContextResourceRequirementsV2({ ...size, modelGpuLayers: model.gpuLayers });
  return needs.cpuRam + needs.gpuVram;
}
