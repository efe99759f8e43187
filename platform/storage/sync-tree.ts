/** Makes what was written to a folder survive a loss of power. */
import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Fsyncs the folder's files and folders, and the folder itself; with `deep` false only the folder's own list of names. */
export function syncTree(folder: string, { deep }: { deep: boolean } = { deep: true }): void {
  for (const entry of deep ? readdirSync(folder, { withFileTypes: true }) : []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncPath(folder);
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
