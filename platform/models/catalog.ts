/** The base models that are known: one YAML file each, ours in this room and the operator's in the data folder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ModelEntry } from '#contract/model.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** The entries that come with the platform. */
export const catalogFolder = join(import.meta.dirname, 'catalog');

/** All entries, by id; of two with the same id the one of the later folder counts. Throws `setting_invalid` that names file and field. */
export function readCatalog(folders: string[]): ModelEntry[] {
  const entries = new Map<string, ModelEntry>();
  for (const folder of folders.filter((path) => existsSync(path))) {
    for (const name of readdirSync(folder).filter((file) => /\.ya?ml$/.test(file))) {
      const entry = readEntry(join(folder, name));
      entries.set(entry.id, entry);
    }
  }
  return [...entries.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
}

function readEntry(path: string): ModelEntry {
  try {
    const parsed = ModelEntry.safeParse(parse(readFileSync(path, 'utf8')));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    throw new Error(`${issue.path.join('.') || 'the entry'}: ${issue.message}`);
  } catch (cause) {
    throw new PlatformError('setting_invalid', `${path}: ${(cause as Error).message}`, { cause });
  }
}
