/** The base models of the catalogue, and those of them that are in the data folder, ready to train and to serve. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelEntry } from '#contract/model.ts';
import type { Config } from '#platform/config.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { catalogFolder, readCatalog } from './catalog.ts';
import { closestNames } from './closest-names.ts';
import { fetchModel } from './fetch-model.ts';
import { readManifest, verifyModel } from './model-manifest.ts';
import type { PullProgress } from './source.ts';

export interface BaseModels {
  /** By id. */
  catalog: ModelEntry[];
  /** `<data>/models`. */
  dir: string;
  /** Address of the Hugging Face hub, without a slash at its end. */
  hub: string;
  hubToken: string | null;
  /** Python of the worker: it converts weights. */
  python: string;
  /** Pulls that are under way in this process: id → the one pull, and who follows it. */
  pulls: Map<string, { done: Promise<void>; followers: Set<(progress: PullProgress) => void> }>;
}

/** A base model on this machine. */
export interface ReadyModel {
  entry: ModelEntry;
  /** Folder with config.json, *.safetensors and the tokenizer; '' for the scripted one. */
  modelDir: string;
  /** What the engine loads; null when its architecture can be trained but not served here, and for the scripted one. */
  ggufFile: string | null;
  /** Hash of all files in `modelDir`: an adapter of other weights is not served on these. */
  baseSha256: string;
}

export function openBaseModels(config: Pick<Config, 'data' | 'hub' | 'hub_token' | 'python'>): BaseModels {
  const dir = join(config.data, 'models');
  mkdirSync(dir, { recursive: true });
  return {
    catalog: readCatalog([catalogFolder, join(config.data, 'catalog')]),
    dir,
    hub: config.hub.replace(/\/+$/, ''),
    hubToken: config.hub_token ?? null,
    python: config.python,
    pulls: new Map(),
  };
}

/** `absent` is known but not pulled; `unsupported` is here, can be trained, and cannot be served. */
export function baseModelState(models: BaseModels, id: string): 'ready' | 'absent' | 'unsupported' {
  const entry = findEntry(models, id);
  if (entry.source.type === 'scripted') return 'ready';
  const folder = modelFolder(models, id);
  if (!existsSync(join(folder, 'manifest.json'))) return 'absent';
  return existsSync(join(folder, 'base.gguf')) ? 'ready' : 'unsupported';
}

/**
 * Brings a model of the catalogue into the data folder; a model that is there is left alone. One pull a model: who asks for it while
 * it is under way follows that one. A pull that breaks off goes on from there the next time. Throws `model_not_found`,
 * `source_unreachable`, `permission_denied` (gated), `model_refused`, `artifact_corrupt` (a hash differs), `disk_full`.
 */
export async function pullModel(models: BaseModels, id: string, onProgress: (progress: PullProgress) => void): Promise<void> {
  const entry = findEntry(models, id);
  if (baseModelState(models, id) !== 'absent') return;
  const running = models.pulls.get(id);
  if (running) {
    running.followers.add(onProgress);
    return running.done;
  }
  const followers = new Set([onProgress]);
  const tell = (progress: PullProgress) => followers.forEach((follow) => follow(progress));
  const done = fetchModel(models, entry, modelFolder(models, id), tell).finally(() => models.pulls.delete(id));
  models.pulls.set(id, { done, followers });
  return done;
}

/**
 * A model that is ready to train. Throws `model_not_found` with the ids that come close, `model_not_ready` with the command that
 * pulls it, `artifact_corrupt` when a file is not what was pulled.
 */
export async function requireBaseModel(models: BaseModels, id: string): Promise<ReadyModel> {
  const entry = findEntry(models, id);
  if (entry.source.type === 'scripted') return { entry, modelDir: '', ggufFile: null, baseSha256: '' };
  const folder = modelFolder(models, id);
  if (baseModelState(models, id) === 'absent') {
    throw new PlatformError('model_not_ready', `the model "${id}" is known but not on this machine yet: run "tuneloop model pull ${id}"`, {
      param: 'model',
    });
  }
  const manifest = await readManifest(folder);
  await verifyModel(folder, manifest, `remove ${folder} and run "tuneloop model pull ${id}"`);
  const gguf = join(folder, 'base.gguf');
  return { entry, modelDir: join(folder, 'model'), ggufFile: existsSync(gguf) ? gguf : null, baseSha256: manifest.base_sha256 };
}

/** Throws `model_not_found` that names the ids which come close. */
export function findEntry(models: BaseModels, id: string): ModelEntry {
  const entry = models.catalog.find((known) => known.id === id);
  if (entry) return entry;
  const ids = models.catalog.map((known) => known.id);
  const close = closestNames(id, ids);
  const hint = close.length > 0 ? `did you mean ${close.map((name) => `"${name}"`).join(' or ')}?` : `known are ${ids.join(', ')}`;
  throw new PlatformError('model_not_found', `there is no model ${JSON.stringify(id)}: ${hint}`, { param: 'model' });
}

/** An id may hold slashes, a folder's name may not. */
export function modelFolder(models: BaseModels, id: string): string {
  return join(models.dir, id.replaceAll('/', '---'));
}
