/** Where base models come from: the interface of every source driver. */
import type { ModelSource } from '#contract/model.ts';

/** How far a pull is, for people and for programs. Byte counts are of what `message` names; null when they are not known. */
export interface PullProgress {
  phase: 'download' | 'convert' | 'check';
  message: string;
  done_bytes: number | null;
  total_bytes: number | null;
}

/** What a source is handed besides its own options. */
export interface SourceContext {
  /** Address of the Hugging Face hub, without a slash at its end. */
  hub: string;
  hubToken: string | null;
  onProgress: (progress: PullProgress) => void;
}

/**
 * Brings the files of a model into `folder`, which may hold what an earlier try left: either `model/` with config.json, safetensors
 * and tokenizer, or `base.gguf`, or both. What they fetched is what the source vouches for, by hash where it gives one.
 */
export interface Source<Options extends ModelSource = ModelSource> {
  fetch(options: Options, folder: string, context: SourceContext): Promise<void>;
}

/** Ties the type of a source's options to its name in the contract. */
export function defineSource<Type extends ModelSource['type']>(source: Source<Extract<ModelSource, { type: Type }>>): Source {
  return source as Source;
}
