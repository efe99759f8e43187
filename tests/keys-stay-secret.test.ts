/** No key, good or bad, is written anywhere: not to the log at its chattiest, not to the database, not to any file. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import { removeDataDir, startPlatform } from './running-platform.ts';

const { data: dataDir } = await newTestDatabase('pglite');
afterAll(() => removeDataDir(dataDir));

const secrets = {
  key: 'sk-tl-canary-of-the-owner-0001',
  wrongKey: 'sk-tl-canary-of-a-stranger-0002',
  keyInQuery: 'sk-tl-canary-in-a-query-0003',
  metricsToken: 'canary-of-prometheus-0004',
};

it('keys are neither logged nor stored, whatever is asked with them', async () => {
  const platform = await startPlatform(dataDir, {
    TUNELOOP_KEY: secrets.key,
    TUNELOOP_METRICS_TOKEN: secrets.metricsToken,
    TUNELOOP_ENGINE: 'scripted',
    TUNELOOP_LOG_LEVEL: 'debug',
  });
  const answers: string[] = [];
  const ask = async (path: string, bearer: string, options: RequestInit = {}): Promise<void> => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    answers.push(await (await fetch(platform.url + path, { ...options, headers })).text());
  };
  for (const bearer of [secrets.key, secrets.wrongKey, secrets.metricsToken]) {
    for (const path of ['/v1/models', '/v1/nowhere', '/v1/files/file-x', '/metrics', `/v1/files?key=${secrets.keyInQuery}&limit=x`])
      await ask(path, bearer);
    await ask('/v1/chat/completions', bearer, { method: 'POST', body: '{broken' });
    await ask('/v1/chat/completions', bearer, {
      method: 'POST',
      body: JSON.stringify({ model: 'nobody', messages: [{ role: 'user', content: 'x' }] }),
    });
  }
  const signIn = (key: string): Promise<Response> =>
    fetch(`${platform.url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key }),
    });
  answers.push(await (await signIn(secrets.wrongKey)).text());
  const signedIn = await signIn(secrets.key);
  answers.push(await signedIn.text());
  const session = /tuneloop_session=(\w+)/.exec(signedIn.headers.get('set-cookie')!)![1]!;
  await fetch(`${platform.url}/v1/models`, { headers: { cookie: `tuneloop_session=${session}` } });
  expect(answers.length).toBe(23);
  await platform.stop();
  const hidden = Object.entries({ ...secrets, session });
  for (const [name, secret] of hidden) {
    expect(platform.output(), `${name} in the log`).not.toContain(secret);
    expect(answers.join('\n'), `${name} in an answer`).not.toContain(secret);
  }
  for (const file of filesOf(dataDir)) {
    const bytes = readFileSync(file);
    for (const [name, secret] of hidden) if (bytes.includes(secret)) throw new Error(`${name} stands in ${file}`);
  }
});

function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
