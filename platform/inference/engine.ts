/** What serves tokens: the interface that every engine driver implements and every caller of one knows. */

/** One immutable thing that answers: a base model, or a base with one adapter version on it. */
export interface ServedVersion {
  /** The public model id, for example `smollm2-135m-instruct` or `ft:smollm2-135m-instruct:default:lumen:aB3dE6f8`. */
  id: string;
  /** Id of the base model. */
  base: string;
  /** The base model's GGUF file; null where an engine needs none (`scripted`). */
  baseFile: string | null;
  /** Folder with the base model's config.json, safetensors and tokenizer, for an engine that reads those. */
  modelDir?: string;
  /** The file of what was trained, with its SHA-256; null is the base itself. Caches are keyed by the hash, never by a name. */
  adapter: { file: string; sha256: string } | null;
}

/** A grammar that the output must follow. `schema` is JSON Schema. */
export type OutputFormat = { type: 'text' } | { type: 'json_object' } | { type: 'json_schema'; schema: Record<string, unknown> };

/** One token of the output, or of an echoed prompt. */
export interface TokenLogprob {
  tokenId: number;
  /** The bytes of this token as text; U+FFFD where they are part of a character only. */
  text: string;
  bytes: number[];
  /** Natural logarithm of the model's probability (temperature 1, before penalties and filters); null for the first prompt token. */
  logprob: number | null;
  /** The `topLogprobs` most likely tokens at this place, best first. */
  top: { tokenId: number; text: string; bytes: number[]; logprob: number }[];
}

export interface GenerateRequest {
  version: ServedVersion;
  /** Token ids, special tokens included: admission has rendered and tokenised. At least one. */
  prompt: number[];
  /** Most tokens to generate, ≥ 0 (0 with `echo` scores the prompt). */
  maxTokens: number;
  /** 0 is greedy. */
  temperature: number;
  topP: number;
  topK: number | null;
  minP: number | null;
  /** Same seed, same version, same request: same text. Null is a random seed. */
  seed: number | null;
  /** Generation ends before the first of these; none of it is shown. At most 4. */
  stop: string[];
  frequencyPenalty: number;
  presencePenalty: number;
  /** Token id → added to its logit, −100…100. */
  logitBias: Record<number, number>;
  /** Null is no logprobs; n is the n best alternatives a token, 0…20. */
  topLogprobs: number | null;
  /** Also report the prompt's own logprobs, as `prompt-scored` before anything else. */
  echo: boolean;
  format: OutputFormat;
  /** Tools the caller offers, in OpenAI's shape; only engines with `supports.tools` get any. */
  tools?: unknown[];
  /** The chat as the caller sent it, in OpenAI's shape; only engines with `supports.chats` get it, and then answer it instead of the prompt. */
  messages?: unknown[];
  /** What the `scripted` engine answers from: the last user text. Other engines ignore it. */
  lastUserText?: string;
}

/** Ordered: prompt-scored? · text-delta* · tool-call* · text-end. A failure throws from the iterator instead. */
export type GenerateEvent =
  | { type: 'prompt-scored'; tokens: TokenLogprob[] }
  | { type: 'text-delta'; text: string; tokens: TokenLogprob[]; tokenCount: number }
  | { type: 'tool-call'; index: number; id: string; name: string; arguments: string }
  | {
      type: 'text-end';
      finishReason: 'stop' | 'length' | 'tool_calls';
      promptTokens: number;
      completionTokens: number;
      cachedTokens: number;
    };

export interface EngineStatus {
  /** Bytes resident in the engine's own process, 0 when it has none. */
  memoryBytes: number;
  gpuMemoryBytes: number;
  /** Requests being decoded, and waiting for a slot. */
  active: number;
  waiting: number;
  /** Tokens decoded since the start: a test sees here that a cancelled request stops. */
  generatedTokens: number;
  versions: { id: string; loadSeconds: number }[];
}

export interface Engine {
  readonly name: string;
  /** Whether chat requests with tools make sense on it; `chats`: it renders chats itself, so no tokenizer of ours counts for it. */
  readonly supports: { tools: boolean; grammar: boolean; logprobs: boolean; chats?: boolean };
  /** Makes the version answer at once; loading a loaded version does nothing. Throws `engine_failed`, `artifact_corrupt`. */
  load(version: ServedVersion): Promise<void>;
  /** Frees the version once its running answers have ended. */
  unload(versionId: string): Promise<void>;
  /** Longest prompt + answer of one request, in tokens. */
  contextLength(version: ServedVersion): Promise<number>;
  /**
   * Text → token ids. `special` reads `<|im_start|>` and its like as one token, and begins as texts of this model do. What a chat
   * template has rendered is whole already, as training took it: nothing is added.
   */
  tokenize(version: ServedVersion, text: string, special: boolean | 'rendered'): Promise<number[]>;
  detokenize(version: ServedVersion, tokenIds: number[]): Promise<string>;
  /**
   * Answers one prompt. Aborting the signal frees the slot within a second, whether the request waits, reads its prompt or decodes;
   * the iterator then throws the signal's reason. Throws `engine_failed`, `context_length_exceeded`, `unsupported_value` (a schema
   * that cannot be compiled) before its first event, `rate_limit_exceeded` when the queue is full.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;
  status(): Promise<EngineStatus>;
  /** Models that it has of its own; engines that are handed files have none. Those it cannot ask for now are left out. */
  models?(): Promise<string[]>;
  close(): Promise<void>;
}
