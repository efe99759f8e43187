/** The machine itself: its system, Node, npm and a Python that can install packages. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statfsSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, tools, venv } from './paths.mjs';
import { StepFailure } from './step-failure.mjs';

/** The Python environment takes 5.7 GB; the rest is npm packages and the demo model. */
const neededBytes = 7e9;
const stamp = join(tools, 'python.json');

/**
 * Path of a Python ≥ 3.11, as the last check found it.
 * @returns {string}
 */
export function pythonPath() {
  return JSON.parse(readFileSync(stamp, 'utf8')).path;
}

export const checkSystem = {
  name: 'system',

  /** What asking npm and Python for their versions gave is kept: it takes half a second. */
  isDone() {
    try {
      const python = JSON.parse(readFileSync(stamp, 'utf8'));
      return existsSync(python.path) && nodeMajor() >= 20 ? describeSystem(python) : null;
    } catch {
      return null;
    }
  },

  async run() {
    checkNode();
    const python = findPython();
    checkDisk();
    mkdirSync(tools, { recursive: true });
    writeFileSync(stamp, JSON.stringify(python));
    return describeSystem(python);
  },
};

const nodeMajor = () => Number(process.versions.node.split('.')[0]);

function describeSystem(python) {
  return `${process.platform} ${process.arch}, Node ${process.versions.node}, Python ${python.version}`;
}

function checkNode() {
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    throw new StepFailure(`this is ${process.platform}; Tuneloop runs on Linux and macOS`, { fix: 'on Windows run it inside WSL 2' });
  }
  if (nodeMajor() < 20) {
    throw new StepFailure(`Node ${process.versions.node} is too old; 20 or newer is needed`, {
      fix: 'install a newer Node: https://nodejs.org',
    });
  }
  if (answer('npm', ['--version']) === null) {
    throw new StepFailure('npm is not on the PATH', { fix: 'apt-get install npm' });
  }
}

/** The first Python ≥ 3.11 that has pip, or venv to make one. */
function findPython() {
  const seen = [];
  for (const name of ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11']) {
    const text = answer(name, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.executable)']);
    if (text === null) continue;
    const [version, ...path] = text.split(' ');
    const [major, minor] = version.split('.').map(Number);
    const python = { version, path: path.join(' ') };
    if (major !== 3 || minor < 11) seen.push(`${name} is ${version}`);
    else if (answer(python.path, ['-c', 'import pip']) === null && answer(python.path, ['-c', 'import ensurepip, venv']) === null) {
      seen.push(`${name} ${version} has neither pip nor venv`);
    } else return python;
  }
  throw new StepFailure(`no usable Python: 3.11 or newer with pip or venv is needed (${seen.join('; ') || 'python3 is not on the PATH'})`, {
    fix: process.platform === 'darwin' ? 'brew install python@3.12' : 'apt-get install python3 python3-pip python3-venv',
  });
}

function checkDisk() {
  if (existsSync(venv)) return;
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize < neededBytes) {
    throw new StepFailure(`${((bavail * bsize) / 1e9).toFixed(1)} GB are free in ${root}; about ${neededBytes / 1e9} GB are needed`, {
      fix: 'free some space, or clone onto a larger disk',
    });
  }
}

/** What the command prints, or null when it is missing or fails. */
function answer(command, parameters) {
  try {
    return execFileSync(command, parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}
