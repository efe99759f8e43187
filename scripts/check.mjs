/**
 * Everything that CI checks, the quickest first, two steps at a time: one line a step, and the output of those that fail.
 *
 *   node scripts/check.mjs [step …] [--without-tests]       with names of steps: only these
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './setup/paths.mjs';

/** `needs`: left out, and said so, while that file is not there. `alone`: runs while no other step does, since its tests watch the clock. */
const steps = [
  { name: 'python-format', command: 'ruff format --check --quiet .' },
  { name: 'python-lint', command: 'ruff check --quiet .' },
  { name: 'format', command: 'oxfmt --list-different' },
  { name: 'contract', command: 'node contract/generate.ts --check' },
  { name: 'env-example', command: 'node platform/write-env-example.ts --check', needs: 'platform/write-env-example.ts' },
  { name: 'walls', command: 'node scripts/check-walls.mjs' },
  { name: 'python-walls', command: 'lint-imports --no-logo' },
  { name: 'types', command: 'tsc --noEmit' },
  { name: 'web-types', command: 'tsc --noEmit -p web' },
  { name: 'dashboard-test-types', command: 'tsc --noEmit -p tests/dashboard' },
  { name: 'dead-code', command: 'knip --no-progress' },
  { name: 'lint', command: 'oxlint --deny-warnings' },
  { name: 'python-types', command: 'pyright' },
  { name: 'python-tests', command: 'node scripts/test.mjs python --no-setup', alone: true },
  { name: 'tests', command: 'node scripts/test.mjs typescript --no-setup', alone: true },
];

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--') && argument !== '--without-tests');
const unknown = [...names.filter((name) => !steps.some((step) => step.name === name)), ...flags];
if (unknown.length > 0) {
  console.error(`there is no step ${unknown.join(', ')}; choose of ${steps.map((step) => step.name).join(', ')}, or --without-tests`);
  process.exit(2);
}
if (!existsSync(join(root, 'node_modules')) || !existsSync(join(root, '.venv'))) {
  console.error('nothing is installed yet: run "npm run setup" first');
  process.exit(2);
}

const withoutTests = process.argv.includes('--without-tests');
const queue = steps.filter((step) => (names.length > 0 ? names.includes(step.name) : !(withoutTests && step.alone)));
const tools = [join(root, 'node_modules', '.bin'), join(root, '.venv', 'bin')];
const env = {
  ...process.env,
  PATH: [...tools, process.env.PATH].join(delimiter),
  ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
};
const failed = [];

/** Runs one step to its end; what it wrote is shown only if it failed. */
async function run(step) {
  if (step.needs && !existsSync(join(root, step.needs))) {
    console.log(`– ${step.name.padEnd(14)} left out: there is no ${step.needs}`);
    return;
  }
  const startedAt = Date.now();
  const [command, ...parameters] = step.command.split(' ');
  const child = spawn(command, parameters, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', resolve);
  });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✓' : '✗'} ${step.name.padEnd(14)} ${seconds.padStart(6)} s`);
  if (code === 0) return;
  failed.push(step.name);
  console.log(`\n$ ${step.command}\n${output.trim() || `ended with ${code}`}\n`);
}

async function runInTurn(lane) {
  for (let step = lane.shift(); step; step = lane.shift()) await run(step);
}

const together = queue.filter((step) => !step.alone);
await Promise.all([runInTurn(together), runInTurn(together)]);
await runInTurn(queue.filter((step) => step.alone));
console.log(
  failed.length === 0 ? `all ${queue.length} steps hold` : `${failed.length} of ${queue.length} steps failed: ${failed.join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
