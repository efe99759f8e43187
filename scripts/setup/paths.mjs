/** Where set-up finds and puts things; all of it inside the clone, but for a data folder that TUNELOOP_DATA names. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const tools = join(root, '.tools');
export const logs = join(tools, 'logs');
export const venv = join(root, '.venv');
/** Node 24, as the lock file pins it. */
export const lockedNode = join(root, 'node_modules', '.bin', 'node');
/** The same reading of the setting as in platform/config.ts, which needs packages and so cannot be read yet. */
export const data = resolve(root, process.env.TUNELOOP_DATA || '.tuneloop');
