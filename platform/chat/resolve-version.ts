/** A model's name, resolved once a request to the immutable version that answers it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelEntry } from '#contract/model.ts';
import { aliasTarget } from '#platform/models/aliases.ts';
import { resolveModel } from '#platform/models/versions.ts';
import type { Chat, ResolvedVersion } from './chat.ts';

/** So long a name keeps meaning what it meant: a deleted model is gone within it. */
const freshMs = 1000;
const mostRemembered = 1000;

/** Throws `model_not_found`, `model_not_ready`, `artifact_corrupt`, `engine_failed`. */
export async function resolveVersion(chat: Chat, projectId: string, modelId: string): Promise<ResolvedVersion> {
  const key = `${projectId} ${modelId}`;
  const known = chat.resolved.get(key);
  const nowMs = performance.now();
  if (known && nowMs < known.untilMs) return known.version;

  if (chat.resolved.size >= mostRemembered) chat.resolved.clear();
  const version = resolve(chat, projectId, modelId);
  chat.resolved.set(key, { version, untilMs: nowMs + freshMs });
  version.catch(() => chat.resolved.delete(key));
  return version;
}

/** Makes a deleted model unknown at once. */
export function forgetVersion(chat: Chat, projectId: string, modelId: string): void {
  chat.resolved.delete(`${projectId} ${modelId}`);
}

async function resolve(chat: Chat, projectId: string, modelId: string): Promise<ResolvedVersion> {
  const upstream = await upstreamVersion(chat, modelId);
  if (upstream) return upstream;
  const isAlias = !modelId.startsWith('ft:') && !chat.versions.baseModels.catalog.some(({ id }) => id === modelId);
  const target = isAlias ? await aliasTarget(chat.versions, projectId, modelId) : null;
  if (target !== null) return resolveVersion(chat, projectId, target);
  const { served, entry, modelDir, template } = await resolveModel(chat.versions, projectId, modelId);
  const engine = chat.engineOf(entry, served);
  return {
    version: served,
    entry,
    engine,
    modelDir,
    template,
    contextLength: await engine.contextLength(served),
    vocabularySize: await vocabularySize(entry, modelDir),
    fingerprint: `fp_${served.adapter?.sha256.slice(0, 16) ?? 'base'}`,
  };
}

/** Null for a model of ours. Which weights another server answers with only it knows. */
async function upstreamVersion(chat: Chat, modelId: string): Promise<ResolvedVersion | null> {
  const engine = chat.upstreams.get(modelId.split('/')[0]!);
  if (!engine || !modelId.includes('/')) return null;
  const version = { id: modelId, base: modelId, baseFile: null, adapter: null };
  const contextLength = await engine.contextLength(version);
  return { version, entry: null, engine, modelDir: '', contextLength, vocabularySize: null, fingerprint: 'fp_upstream' };
}

async function vocabularySize(entry: ModelEntry, modelDir: string): Promise<number | null> {
  if (entry.source.type === 'scripted') return null;
  const config = JSON.parse(await readFile(join(modelDir, 'config.json'), 'utf8')) as { vocab_size?: unknown };
  return typeof config.vocab_size === 'number' ? config.vocab_size : null;
}
