/** The npm packages, exactly as package-lock.json has them; Node 24 is one of them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockedNode, root } from './paths.mjs';
import { outsidePath, runCommand } from './run-command.mjs';

const fix = 'see the log; behind a proxy or mirror check "npm config get registry", then run it again';
const environment = { PATH: outsidePath(), NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true' };

export const npmPackages = {
  name: 'npm packages',

  /** npm writes its hidden lock file last, so a killed `npm ci` has none. */
  isDone() {
    const hidden = readLock(join(root, 'node_modules', '.package-lock.json'));
    if (hidden === null || !existsSync(lockedNode)) return null;
    const packages = lockedPackages();
    const same = packages.every(([path, entry]) => hidden[path]?.version === entry.version && hidden[path]?.integrity === entry.integrity);
    return same ? `${packages.length} packages` : null;
  },

  async run(line) {
    const packages = lockedPackages();
    line.update(`0 of ${packages.length} packages`);
    // dev and optional by name: an omit setting or NODE_ENV=production would leave out Node 24 and the inference engine
    const parameters = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
    await runCommand('npm', parameters, {
      log: 'npm',
      fix,
      env: environment,
      everySecond() {
        const there = packages.filter(([path]) => existsSync(join(root, path, 'package.json'))).length;
        line.update(`${there} of ${packages.length} packages`);
      },
    });
    if (!existsSync(lockedNode)) await installNode();
    return `${packages.length} packages`;
  },
};

/** The `node` package fetches its binary in an install script; where npm is told not to run those, we do. */
async function installNode() {
  await runCommand('npm', ['rebuild', 'node', '--ignore-scripts=false'], { log: 'node', fix, env: environment });
}

/** Path → entry of what must be there: all but optional packages, and of those the ones built for this very system. */
function lockedPackages() {
  const entries = Object.entries(readLock(join(root, 'package-lock.json')) ?? {});
  return entries.filter(([path, entry]) => path !== '' && (!entry.optional || isBuiltForThisSystem(entry)));
}

function isBuiltForThisSystem({ os, cpu, libc }) {
  return Boolean(os ?? cpu) && fits(os, process.platform) && fits(cpu, process.arch) && (!libc || fits(libc, libcOfThisSystem()));
}

/** npm's rule: a list of names, or of names with "!" that are left out. @param {string[] | undefined} wanted */
function fits(wanted, own) {
  if (!wanted) return true;
  return wanted.includes(own) || (wanted.every((name) => name.startsWith('!')) && !wanted.includes(`!${own}`));
}

/** Asked once: the report that tells it is slow to write. @type {string | undefined} */
let libcName;

function libcOfThisSystem() {
  libcName ??= process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
  return libcName;
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return null;
  }
}
