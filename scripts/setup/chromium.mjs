/** Debian's Chromium, for the tests of the dashboard only: nothing of the platform needs a browser. */
import { existsSync } from 'node:fs';
import { runCommand } from './run-command.mjs';
import { StepFailure } from './step-failure.mjs';

/** The same reading of the setting as in tests/dashboard/browser.ts. */
const executable = process.env.TUNELOOP_TEST_CHROMIUM || '/usr/bin/chromium';
const fix = 'apt-get install chromium, or TUNELOOP_TEST_CHROMIUM=<path of a Chromium>';

export const chromium = {
  name: 'Chromium',

  isDone() {
    return existsSync(executable) ? executable : null;
  },

  async run(line) {
    if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
      throw new StepFailure(`the tests of the dashboard need a Chromium, and ${executable} is not there`, { fix });
    }
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    line.update('reading the list of packages');
    await runCommand('apt-get', ['update', '-qq'], { log: 'chromium', fix, env });
    line.update('installing');
    await runCommand('apt-get', ['install', '-qq', '--no-install-recommends', 'chromium'], { log: 'chromium', fix, env });
    return executable;
  },
};
