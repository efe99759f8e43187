/** The worker's Python environment in .venv, exactly as uv.lock has it: torch, transformers, PEFT, TRL. 5.7 GB, most of it CUDA. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pythonPath } from './check-system.mjs';
import { root, tools, venv } from './paths.mjs';
import { runCommand } from './run-command.mjs';
import { uv, uvEnvironment } from './uv-tool.mjs';

/** Written last; holds the hash of what was asked for. */
const stamp = join(venv, '.tuneloop-setup');
/** There while uv is at work: what a killed uv leaves behind is thrown away, for uv would take half a package for a whole one. */
const unfinished = join(tools, 'python-packages.unfinished');
const fix = 'see the log; with a full disk free 7 GB, behind a mirror set UV_DEFAULT_INDEX, then run it again';

/** The worker is looked for in .venv. */
const environment = { ...uvEnvironment, UV_PROJECT_ENVIRONMENT: venv };

export const pythonPackages = {
  name: 'Python packages',

  isDone() {
    if (existsSync(unfinished) || !existsSync(join(venv, 'bin', 'python')) || !existsSync(stamp)) return null;
    const [hash, words] = readFileSync(stamp, 'utf8').trim().split('\n');
    return hash === wantedHash() ? words : null;
  },

  async run(line) {
    line.update('resolving');
    if (existsSync(unfinished)) rmSync(venv, { recursive: true, force: true });
    rmSync(stamp, { force: true });
    writeFileSync(unfinished, '');
    const run = (parameters, options = {}) => runCommand(uv, parameters, { log: 'uv-sync', fix, env: environment, ...options });
    const index = configuredIndex();
    if (index === null) await run(['sync', '--frozen', '--no-progress', '--python', pythonPath()], followDownloads(line));
    else await installFrom(index, run, line);
    const words = `${lockedCount()} packages in the lock file`;
    writeFileSync(stamp, `${wantedHash()}\n${words}\n`);
    rmSync(unfinished, { force: true });
    return words;
  },
};

/**
 * The lock file names addresses at the index it was made from, and `uv sync` asks those. Where another index is configured, the same
 * versions are installed from that one, held to the same hashes.
 */
async function installFrom(index, run, line) {
  const requirements = join(tools, 'requirements.txt');
  await run(['export', '--frozen', '--no-emit-project', '--quiet', '--output-file', requirements]);
  if (!existsSync(join(venv, 'bin', 'python'))) await run(['venv', '--clear', '--python', pythonPath(), venv]);
  await run(['pip', 'sync', '--require-hashes', '--no-progress', '--python', join(venv, 'bin', 'python'), requirements], {
    env: { ...environment, UV_DEFAULT_INDEX: index },
    ...followDownloads(line),
  });
}

/** Address of the package index that uv or pip is configured for; null when it is the lock file's own. */
export function configuredIndex() {
  const { UV_DEFAULT_INDEX, UV_INDEX_URL, PIP_INDEX_URL } = process.env;
  const index = UV_DEFAULT_INDEX || UV_INDEX_URL || PIP_INDEX_URL || pipIndex();
  const own = /registry = "([^"]+)"/.exec(readFileSync(join(root, 'uv.lock'), 'utf8'))?.[1];
  const plain = (address) => address?.replace(/\/+$/, '');
  return index && plain(index) !== plain(own) ? index : null;
}

function pipIndex() {
  try {
    return execFileSync(pythonPath(), ['-m', 'pip', 'config', 'get', 'global.index-url'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null; // not configured, or this Python has no pip
  }
}

function wantedHash() {
  const hash = createHash('sha256');
  for (const name of ['uv.lock', 'pyproject.toml']) hash.update(readFileSync(join(root, name)));
  return hash.digest('hex');
}

function lockedCount() {
  return readFileSync(join(root, 'uv.lock'), 'utf8').split('\n[[package]]\n').length - 1;
}

/**
 * Progress from what uv says and does: it names each download over 1 MiB with its size when it begins and again when it ends, and
 * what it has written (Linux tells) shows the unpacking in between.
 */
function followDownloads(line) {
  const sizes = new Map();
  let doneMib = 0;
  let phase = 'downloading';
  return {
    onLine(text) {
      const begun = /^\s*Downloading (\S+) \(([\d.]+)(KiB|MiB|GiB)\)/.exec(text);
      const ended = /^\s*Downloaded (\S+)/.exec(text);
      if (begun) sizes.set(begun[1], Number(begun[2]) * { KiB: 1 / 1024, MiB: 1, GiB: 1024 }[begun[3]]);
      else if (ended) doneMib += sizes.get(ended[1]) ?? 0;
      else if (text.startsWith('Prepared ')) phase = 'linking into .venv';
    },
    everySecond(pid) {
      const totalMib = [...sizes.values()].reduce((sum, mib) => sum + mib, 0);
      const percent = totalMib > 0 ? ` ${Math.round((100 * doneMib) / totalMib)} % of ${Math.round(totalMib)} MiB` : '';
      const written = writtenBytes(pid);
      line.update(`${phase}${percent}${written === null ? '' : `, ${(written / 1e9).toFixed(1)} GB written`}`);
    },
  };
}

function writtenBytes(pid) {
  try {
    return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  } catch {
    return null;
  }
}
