/** Which files of a model's repository are weights and words: nothing else is taken. */
import { PlatformError } from '#platform/core/errors.ts';

export interface ChosenFiles {
  /** For `model/`; empty when the repository is one GGUF file. */
  model: string[];
  /** The file that becomes `base.gguf`; null when the weights are safetensors. */
  gguf: string | null;
}

/** Only names at the top of the repository: no path leads anywhere. */
const plain = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const words = /\.json$|\.jinja$|^tokenizer\.model$/;

/**
 * Safetensors where there are any: `model*.safetensors`, since some repositories hold the same weights a second time under another
 * name. Otherwise the one GGUF file. Throws `model_refused` when there is neither, and says what stands there instead.
 */
export function chooseFiles(repository: string, names: string[]): ChosenFiles {
  const safe = names.filter((name) => plain.test(name));
  const all = safe.filter((name) => name.endsWith('.safetensors'));
  const weights = all.some((name) => name.startsWith('model')) ? all.filter((name) => name.startsWith('model')) : all;
  if (weights.length > 0) return { model: [...safe.filter((name) => words.test(name)), ...weights].sort(), gguf: null };
  const ggufs = safe.filter((name) => name.endsWith('.gguf'));
  if (ggufs.length === 1) return { model: [], gguf: ggufs[0]! };
  if (ggufs.length > 1) {
    throw new PlatformError(
      'model_refused',
      `${repository} holds ${ggufs.length} GGUF files: fetch one, and name it in a catalogue entry with source local`,
    );
  }
  const pickle = safe.find((name) => /\.(bin|pt|pth|pkl|ckpt)$/.test(name));
  const found = pickle ? `only ${pickle} and its like, which may run code when it is read` : 'no weights at all';
  throw new PlatformError('model_refused', `${repository} has neither *.safetensors nor a GGUF file, but ${found}`);
}
