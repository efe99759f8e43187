/** uv, which installs the worker's Python packages by lock file: from the package index, into .tools/uv, nothing system-wide. */
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pythonPath } from './check-system.mjs';
import { tools } from './paths.mjs';
import { runCommand } from './run-command.mjs';

const version = '0.13.9';
const folder = join(tools, 'uv');
const fix = 'see the log; behind a proxy or mirror check "python3 -m pip config list", then run it again';
export const uv = join(folder, 'bin', 'uv');
/** No Python is downloaded, and an environment that happens to be active is not meant. */
export const uvEnvironment = { UV_PYTHON_DOWNLOADS: 'never', VIRTUAL_ENV: '', PYTHONHOME: '' };
/** What helps when packages could not be installed. */
export const packagesFix = 'see the log; behind a mirror set UV_DEFAULT_INDEX, then run it again';

export const uvTool = {
  name: 'uv',

  isDone() {
    return existsSync(uv) && existsSync(join(folder, `uv-${version}.dist-info`)) ? version : null;
  },

  async run(line) {
    line.update(`uv ${version}`);
    const unfinished = `${folder}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    // --target is allowed where pip refuses to touch the system's own packages (PEP 668), but not together with --user
    const parameters = ['-m', 'pip', 'install', '--target', unfinished, '--no-input', '--disable-pip-version-check', `uv==${version}`];
    await runCommand(await pipOwner(), parameters, { log: 'uv', fix, env: { PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' } });
    rmSync(folder, { recursive: true, force: true });
    renameSync(unfinished, folder);
    return version;
  },
};

/** A Python that has pip: the system's, or one in an environment made for it. */
async function pipOwner() {
  const python = pythonPath();
  try {
    execFileSync(python, ['-c', 'import pip'], { stdio: 'ignore' });
    return python;
  } catch {
    const environment = join(tools, 'pip');
    await runCommand(python, ['-m', 'venv', '--clear', environment], { log: 'venv', fix: 'apt-get install python3-pip python3-venv' });
    return join(environment, 'bin', 'python');
  }
}
