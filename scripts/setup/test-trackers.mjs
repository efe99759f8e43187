/** MLflow in an environment of its own in .tools, for the tests of the trackers only: its pins are others than the worker's. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pythonPath } from './check-system.mjs';
import { tools } from './paths.mjs';
import { runCommand } from './run-command.mjs';
import { uv } from './uv-tool.mjs';

const packages = ['mlflow==3.17.2'];
/** The same folder as in platform/monitoring/trackers/mlflow.test.ts. */
const folder = join(tools, 'trackers');
/** Written last; says what was asked for. */
const stamp = join(folder, '.tuneloop-setup');
const fix = 'see the log; behind a mirror set UV_DEFAULT_INDEX, then run it again';

export const testTrackers = {
  name: 'Trackers',

  isDone() {
    const found = existsSync(stamp) ? readFileSync(stamp, 'utf8') : null;
    return found === packages.join(' ') ? found : null;
  },

  async run(line) {
    line.update(packages.join(' '));
    rmSync(folder, { recursive: true, force: true });
    const env = { UV_PYTHON_DOWNLOADS: 'never', VIRTUAL_ENV: '', PYTHONHOME: '' };
    await runCommand(uv, ['venv', '--python', pythonPath(), folder], { log: 'trackers', fix, env });
    const python = join(folder, 'bin', 'python');
    await runCommand(uv, ['pip', 'install', '--no-progress', '--python', python, ...packages], { log: 'trackers', fix, env });
    writeFileSync(stamp, packages.join(' '));
    return packages.join(' ');
  },
};
