/** Resident memory of the idle platform process, beside its engine and its worker. */
import { readFileSync } from 'node:fs';
import { until, withQuietPlatform } from '../tests/running-platform.ts';
import type { Figure } from './report.ts';

/** Bytes of the process that are in RAM, shared pages included. Linux only: read from /proc. */
function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!line) throw new Error(`no resident memory is told of process ${pid}`);
  return Number(line[1]) * 1024;
}

/** Read when it has answered a chat request and its memory has not grown for three seconds. */
export async function run(): Promise<Figure[]> {
  return withQuietPlatform(async (platform) => {
    const authorization = `Bearer ${platform.key}`;
    await fetch(`${platform.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'smollm2-135m-instruct', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4 }),
    }).then((answer) => answer.text());
    let last = 0;
    const idle = await until(async () => {
      const now = residentBytes(platform.process.pid!);
      const isStill = Math.abs(now - last) < 1024 * 1024;
      last = now;
      return isStill ? now : null;
    }, 3000);
    const megabytes = idle / 1_000_000;
    return [{ name: 'platform process, idle', value: megabytes, unit: 'MB', goal: '<= 300', holds: megabytes <= 300 }];
  });
}
