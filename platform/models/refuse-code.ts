/** The fence before every model: weights and data pass, anything that a library would run does not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlatformError } from '#platform/core/errors.ts';

/** Pickles run code when they are read; .py and .so are code. */
const forbidden = /\.(bin|pt|pth|pkl|pickle|ckpt|msgpack|h5|py|so|dll|dylib)$/i;

/** Words, not settings: a vocabulary may well hold the word "auto_map". */
const vocabularies = new Set(['tokenizer.json', 'vocab.json', 'added_tokens.json']);

/**
 * Throws `model_refused` when the folder holds a file that runs when it is read, or a setting that names code of the model's own
 * (`auto_map`, `trust_remote_code`, at any depth), or no safetensors and config.json at all.
 */
export async function refuseCode(folder: string, id: string): Promise<void> {
  const names = readdirSync(folder);
  const pickle = names.find((name) => forbidden.test(name));
  if (pickle) throw refused(id, `${pickle} may run code when it is read; only safetensors and GGUF are used`);
  for (const name of names.filter((file) => file.endsWith('.json') && !vocabularies.has(file))) {
    const key = codeKey(readJson(join(folder, name), id));
    if (key) {
      throw refused(
        id,
        `${name} has "${key}": a model that brings its own code is not run. When its architecture is one that needs none, ` +
          'remove the entry from a copy of the folder and name that in a catalogue entry with source local',
      );
    }
  }
  if (!names.includes('config.json')) throw refused(id, 'there is no config.json');
  if (!names.some((name) => name.endsWith('.safetensors'))) {
    throw refused(id, 'there are no *.safetensors files; convert its weights first (huggingface.co/spaces/safetensors/convert)');
  }
}

function readJson(path: string, id: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw refused(id, `${path} is not valid JSON: ${(cause as Error).message}`, cause);
  }
}

/** The first key, at any depth, that would make a library import what the model names. */
function codeKey(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    if (['auto_map', 'trust_remote_code', 'custom_pipelines'].includes(key) && inner) return key;
    const found = codeKey(inner);
    if (found) return found;
  }
  return null;
}

function refused(id: string, reason: string, cause?: unknown): PlatformError {
  return new PlatformError('model_refused', `"${id}" is refused: ${reason}`, { cause, param: 'model' });
}
