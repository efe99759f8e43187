/** `tuneloop down`: stops the platform of this data folder; training goes on and is found again at the next start. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainingRun } from '#contract/training-run.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import type { Command } from '../command.ts';
import { keyFor, readCredentials } from '../credentials.ts';
import { isPlatform, readPlatformFile } from '../platform-file.ts';

/** The platform gives running answers 20 s and everything together 30 s. */
const patienceMs = 40_000;

export const command: Command = {
  examples: ['tuneloop down', 'TUNELOOP_DATA=/srv/tuneloop tuneloop down --json'],
  fields: ['stopped', 'pid', 'address'],
  async run({ out, config, environment }) {
    const { data, key } = await config();
    const platform = readPlatformFile(data);
    if (!platform) {
      out.print({ stopped: false, pid: null, address: null }, () => `no platform serves ${data}`);
      return;
    }
    out.note(`stopping the platform at ${platform.address} (process ${platform.pid}); running answers may end first`);
    const running = await runningRuns(new Client(platform.address, key ?? keyFor(readCredentials(environment), platform.address, data)));
    process.kill(platform.pid, 'SIGTERM');
    const until = Date.now() + patienceMs;
    while (isPlatform(platform.pid)) {
      if (Date.now() > until)
        throw new CliError('timed_out', `process ${platform.pid} has not ended within ${patienceMs / 1000} s`, {
          fix: `kill -9 ${platform.pid}`,
        });
      await sleep(100);
    }
    if (running.length > 0)
      out.note(`still training: ${running.join(', ')}\n  tuneloop up finds it again; only a platform that is up can cancel it`);
    out.print({ stopped: true, pid: platform.pid, address: platform.address }, () => 'stopped');
  },
};

/** Ids of the runs that go on without the platform; none when it cannot be asked, which must not keep it from being stopped. */
async function runningRuns(client: Client): Promise<string[]> {
  try {
    const { data } = await client.ask<{ data: TrainingRun[] }>('/api/v1/training/jobs', {
      query: { limit: 100 },
      signal: AbortSignal.timeout(3000),
    });
    return data.filter(({ status }) => status === 'running').map(({ id }) => id);
  } catch {
    return [];
  }
}
