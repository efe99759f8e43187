/**
 * Sets up what is missing, then runs the tests of both languages and says how many passed.
 *
 *   node scripts/test.mjs [typescript|python] [--no-setup]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { root } from './setup/paths.mjs';

const folder = mkdtempSync(join(tmpdir(), 'tuneloop-tests-'));
const report = (name) => join(folder, name);
const tools = [join(root, 'node_modules', '.bin'), join(root, '.venv', 'bin')];
const env = { ...process.env, PATH: [...tools, process.env.PATH].join(delimiter) };

/** The command of each suite, and where its report says how many passed and failed. */
const suites = {
  typescript: {
    command: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report('vitest.json')}`],
    count() {
      const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report('vitest.json'), 'utf8'));
      // A file that could not be loaded has no test that failed; it counts as one.
      const unloaded = testResults.filter(
        (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
      );
      return { passed: numPassedTests, failed: numFailedTests + unloaded.length };
    },
  },
  python: {
    command: ['python', '-m', 'pytest', '-q', '-n', '2', `--junit-xml=${report('pytest.xml')}`],
    count() {
      const suite = /<testsuite [^>]*>/.exec(readFileSync(report('pytest.xml'), 'utf8'))[0];
      const number = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)[1]);
      const failed = number('failures') + number('errors');
      return { passed: number('tests') - failed - number('skipped'), failed };
    },
  },
};

function run([command, ...parameters]) {
  const { status, error } = spawnSync(command, parameters, { cwd: root, env, stdio: 'inherit' });
  if (error) console.error(`${command} could not be started: ${error.message}`);
  return status ?? 1;
}

/** A runner that ends badly with no failed test, or without a report, counts as one failure: it never hides. */
function runSuite({ command, count }) {
  const status = run(command);
  let counts = { passed: 0, failed: 0 };
  try {
    counts = count();
  } catch (error) {
    console.error(`no report of ${command[0]}: ${error.message}`);
  }
  return { passed: counts.passed, failed: status !== 0 && counts.failed === 0 ? 1 : counts.failed };
}

const wanted = Object.keys(suites).filter((name) => process.argv.includes(name));
const names = wanted.length > 0 ? wanted : Object.keys(suites);
const isSetUp = process.argv.includes('--no-setup') || run(['node', 'scripts/setup.mjs', '--for-tests']) === 0;
if (isSetUp) {
  const results = names.map((name) => runSuite(suites[name]));
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') > 0 || sum('passed') === 0 ? 1 : 0;
} else {
  process.exitCode = 1;
}
rmSync(folder, { recursive: true, force: true });
