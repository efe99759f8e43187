/** What the platform and the engine's process say to each other, over the process's own channel. */
import type { ErrorCode } from '#contract/errors.ts';
import type { ErrorDetails } from '#platform/core/errors.ts';
import type { EngineStatus, GenerateEvent, GenerateRequest, ServedVersion } from '../../engine.ts';

export interface HostOptions {
  threads: number;
  /** Requests of one version decoded at once. */
  slots: number;
  /** Longest prompt + answer, in tokens; null is 2048 or what the model was trained with, if less. */
  context: number | null;
  /** Versions kept loaded. */
  versions: number;
  /** Requests that may wait. */
  queue: number;
}

/** A request without what only the platform reads; the format has become a grammar in GBNF. */
export type HostRequest = Omit<GenerateRequest, 'format' | 'tools' | 'lastUserText'> & { grammar: string | null };

/** What is asked and answered once. */
export interface Calls {
  load: (version: ServedVersion) => void;
  unload: (versionId: string) => void;
  contextLength: (version: ServedVersion) => number;
  tokenize: (version: ServedVersion, text: string, special: boolean | 'rendered') => number[];
  detokenize: (version: ServedVersion, tokenIds: number[]) => string;
  status: () => EngineStatus;
}
export type CallName = keyof Calls;

export type ToHost =
  | { [Name in CallName]: { type: 'call'; id: number; name: Name; values: Parameters<Calls[Name]> } }[CallName]
  | { type: 'generate'; id: number; request: HostRequest }
  | { type: 'cancel'; id: number };

export type FromHost =
  | { type: 'result'; id: number; value: unknown }
  | { type: 'failure'; id: number; code: ErrorCode; message: string; details: ErrorDetails }
  /** All that one step made, of every request: one message a step, whatever the number of streams. */
  | { type: 'events'; events: [id: number, event: GenerateEvent][] };
