/** The prepared demo model that tests with real weights use: set-up has put it there, or an environment variable says where it is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#platform/config.ts';

const prepared = join(process.env['TUNELOOP_TEST_DATA'] ?? join(projectRoot, '.tuneloop'), 'models', 'smollm2-135m-instruct');

/** The GGUF file that the engine loads. */
export function demoModelGguf(): string {
  return found(process.env['TUNELOOP_TEST_MODEL_GGUF'] ?? join(prepared, 'base.gguf'), 'TUNELOOP_TEST_MODEL_GGUF');
}

/** The folder with config.json, the tokenizer and the chat template. */
export function demoModelDir(): string {
  return found(process.env['TUNELOOP_TEST_MODEL_DIR'] ?? join(prepared, 'model'), 'TUNELOOP_TEST_MODEL_DIR');
}

function found(path: string, variable: string): string {
  if (existsSync(path)) return path;
  throw new Error(`the demo model is not at ${path}: run \`npm test\`, which prepares it, or set ${variable}`);
}
