/** The dashboard, built into web/dist for the platform to serve; again only when a file that it is made of has changed. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lockedNode, root, tools } from './paths.mjs';
import { runCommand } from './run-command.mjs';

const stamp = join(tools, 'dashboard.sha256');
const page = join(root, 'web', 'dist', 'index.html');
const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');

export const dashboard = {
  name: 'dashboard',

  /** The stamp is written when the build has ended, so one that was killed has none that fits. */
  isDone() {
    const isBuilt = existsSync(page) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hashOfSources();
    return isBuilt ? 'web/dist' : null;
  },

  async run(line) {
    line.update('building');
    const hash = hashOfSources();
    await runCommand(lockedNode, [vite, 'build', '--config', join(root, 'web', 'vite.config.ts')], {
      log: 'dashboard',
      fix: 'see the log; if a package is missing, delete node_modules, then run it again',
      env: { NODE_ENV: 'production' },
    });
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, hash);
    return 'web/dist';
  },
};

/** Of everything that the build reads: its own files, the contract, and the versions of the packages. */
function hashOfSources() {
  const hash = createHash('sha256');
  for (const name of [...filesOf('web'), ...filesOf('contract'), 'package-lock.json']) {
    hash.update(`${name}\n`).update(readFileSync(join(root, name)));
  }
  return hash.digest('hex');
}

function filesOf(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((name) => !name.startsWith(join('web', 'dist')))
    .sort();
}
