/** DeepSpeed in the worker's environment, as uv.lock has it: for the tests of zero2 and zero3, which nobody else needs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, tools, venv } from './paths.mjs';
import { configuredIndex } from './python-packages.mjs';
import { runCommand } from './run-command.mjs';
import { packagesFix as fix, uv, uvEnvironment } from './uv-tool.mjs';

export const deepspeed = {
  name: 'DeepSpeed',

  isDone() {
    const version = wantedVersion();
    return existsSync(join(installedIn(venv), `deepspeed-${version}.dist-info`, 'RECORD')) ? version : null;
  },

  async run(line) {
    line.update(wantedVersion());
    const requirements = join(tools, 'requirements-deepspeed.txt');
    const index = configuredIndex();
    const env = { ...uvEnvironment, ...(index === null ? {} : { UV_DEFAULT_INDEX: index }) };
    const run = (parameters) => runCommand(uv, parameters, { log: 'deepspeed', fix, env });
    await run(['export', '--frozen', '--only-group', 'deepspeed', '--no-emit-project', '--quiet', '--output-file', requirements]);
    // What is there stays; uv sync would take it away again, and does when the lock has changed.
    await run(['pip', 'install', '--require-hashes', '--no-progress', '--python', join(venv, 'bin', 'python'), '-r', requirements]);
    return wantedVersion();
  },
};

function wantedVersion() {
  return /name = "deepspeed"\nversion = "([^"]+)"/.exec(readFileSync(join(root, 'uv.lock'), 'utf8'))[1];
}

function installedIn(folder) {
  const library = join(folder, 'lib');
  const python = existsSync(library) ? readdirSync(library).find((name) => name.startsWith('python3')) : undefined;
  return join(library, python ?? 'python3', 'site-packages');
}
