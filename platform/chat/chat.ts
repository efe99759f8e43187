/** What the chat room is handed, and what every request of it has become once it is admitted. */
import type { ModelEntry } from '#contract/model.ts';
import { newId } from '#platform/core/ids.ts';
import type { Engine, GenerateRequest, ServedVersion } from '#platform/inference/engine.ts';
import type { Versions } from '#platform/models/versions.ts';
import type { Metrics } from '#platform/monitoring/metrics.ts';

export interface Chat {
  versions: Versions;
  metrics: Metrics;
  /** The engine that answers for a model of the catalogue, or for what was trained of it. */
  engineOf(entry: ModelEntry, served: ServedVersion): Engine;
  /** Other servers, by the name that their models begin with: `<name>/<model>`. */
  upstreams: ReadonlyMap<string, Engine>;
  /** What answers a plain prompt that names no model. */
  defaultModel: string;
  /** Names that were resolved a moment ago: project and model id → the version. */
  resolved: Map<string, { version: Promise<ResolvedVersion>; untilMs: number }>;
}

/** What a model's name means at one moment. */
export interface ResolvedVersion {
  version: ServedVersion;
  /** Null for a model of another server: it is in no catalogue. */
  entry: ModelEntry | null;
  engine: Engine;
  /** Folder with the tokenizer and the chat template. */
  modelDir: string;
  /** "instruction" for a model that was taught to read chats so; the model's own template when left out. */
  template?: 'model' | 'instruction';
  /** Longest prompt + answer, in tokens. */
  contextLength: number;
  /** Token ids are below it; null when the model does not say. */
  vocabularySize: number | null;
  fingerprint: string;
}

export function openChat(parts: Omit<Chat, 'resolved'>): Chat {
  return { ...parts, resolved: new Map() };
}

/** Everything that can be wrong with a request has been found: what is left is to generate. */
export interface Admitted {
  /** Id of the answer, `chatcmpl-…` or `cmpl-…`. */
  id: string;
  /** Unix seconds. */
  created: number;
  /** The model as the caller named it. */
  model: string;
  version: ServedVersion;
  /** Says which weights answer: OpenAI's `system_fingerprint`. */
  fingerprint: string;
  engine: Engine;
  /** One a choice, in the order of their indices. */
  requests: GenerateRequest[];
  /** Tokens of all prompts, each counted once. */
  promptTokens: number;
  wantsUsage: boolean;
}

/** The part of an admission that is the same for every kind of request. */
export function admission(
  prefix: 'chatcmpl-' | 'cmpl-',
  request: { model: string; stream_options?: { include_usage?: boolean | undefined } | null | undefined },
  { version, fingerprint, engine }: ResolvedVersion,
): Omit<Admitted, 'requests' | 'promptTokens'> {
  return {
    id: newId(prefix),
    created: Math.floor(Date.now() / 1000),
    model: request.model,
    version,
    fingerprint,
    engine,
    wantsUsage: request.stream_options?.include_usage ?? false,
  };
}

/** Names the exact version in an answer's header: its id and the hash of its adapter. */
export function versionName(version: ServedVersion): string {
  return version.adapter ? `${version.id}@sha256:${version.adapter.sha256}` : version.id;
}
