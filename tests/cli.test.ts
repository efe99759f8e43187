/** The command line against a real platform process: start, log in, ask, list, refuse, stop. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { credentialsPath, readCredentials } from '#platform/cli/credentials.ts';
import { isPlatform, readPlatformFile } from '#platform/cli/platform-file.ts';
import { freePort } from '#platform/cli/start-platform.ts';
import { runOnTestTerminal } from '#platform/cli/test-terminal.ts';
import { startTestPlatform, type TestPlatform } from '#platform/cli/test-platform.ts';

let platform: TestPlatform;

beforeAll(async () => {
  // Nobody listens there: what a hub that is away looks like.
  platform = await startTestPlatform({ TUNELOOP_HUB: 'http://127.0.0.1:2' });
});

afterAll(() => platform?.stop());

const parsed = <Shape extends z.ZodType>(shape: Shape, text: string): z.output<Shape> => shape.parse(JSON.parse(text));

describe('a platform that was started with --detach', () => {
  it('is found, not started again, by a second "up --detach"', async () => {
    const { exitCode, stdout } = await platform.run(['up', '--detach', '--json', 'address,pid']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ address: platform.address, pid: readPlatformFile(platform.data)!.pid });
  });

  it('has put its key where only the person can read it, and not into its log', () => {
    const path = credentialsPath(platform.environment);
    expect(readCredentials(platform.environment)).toMatchObject({ current: platform.address, keys: { [platform.address]: platform.key } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(platform.data, 'platform.log'), 'utf8')).not.toContain(platform.key);
  });

  it('keeps a second process out of its data folder (exit code 6)', async () => {
    const other = { ...platform.environment, TUNELOOP_PORT: String(await freePort('127.0.0.1')) };
    const { exitCode, stderr } = await runOnTestTerminal(['up'], other);
    expect(exitCode).toBe(6);
    expect(stderr).toContain('✗ data_locked');
    expect(stderr).toContain(String(readPlatformFile(platform.data)!.pid));
  });

  it('keeps its port: another platform is refused and told how to take a free one (exit code 6)', async () => {
    const other = { ...platform.environment, TUNELOOP_DATA: join(platform.data, 'other') };
    const { exitCode, stderr } = await runOnTestTerminal(['up', '--detach'], other);
    expect(exitCode).toBe(6);
    expect(stderr).toContain('✗ port_in_use');
    expect(stderr).toContain('--port 0');
  });
});

describe('commands that look', () => {
  it('status tells how the platform is and what it trains', async () => {
    const { exitCode, stdout } = await platform.run(['status', '--json']);
    expect(exitCode).toBe(0);
    const shape = z.object({
      address: z.literal(platform.address),
      status: z.literal('ok'),
      version: z.string(),
      runs: z.array(z.unknown()).length(0),
      worker: z.object({ running: z.literal(0) }),
    });
    expect(() => parsed(shape, stdout)).not.toThrow();
    expect((await platform.run(['status'])).stdout).toContain(`at ${platform.address} is ok`);
  });

  it('open tells where the dashboard is, and each of its pages', async () => {
    expect((await platform.run(['open'])).stdout).toBe(`${platform.address}/\n`);
    const { exitCode, stdout } = await platform.run(['open', 'playground', '--json']);
    expect([exitCode, JSON.parse(stdout)]).toEqual([0, { address: `${platform.address}/playground` }]);
  });

  it('version tells both sides', async () => {
    const { stdout } = await platform.run(['version', '--json', 'tuneloop,server']);
    const { tuneloop, server } = JSON.parse(stdout) as Record<string, string>;
    expect(tuneloop).toMatch(/^\d+\.\d+\.\d+/);
    expect(server).toBe(tuneloop);
  });

  it('model ls lists what answers, and with --all what could', async () => {
    const shape = z.array(z.object({ id: z.string(), kind: z.enum(['base', 'adapter', 'checkpoint']), state: z.string() }));
    const ready = parsed(shape, (await platform.run(['model', 'ls', '--json', 'id,kind,state'])).stdout);
    expect(ready).toContainEqual({ id: 'scripted', kind: 'base', state: 'ready' });
    const all = parsed(shape, (await platform.run(['model', 'ls', '--all', '--json', 'id,kind,state'])).stdout);
    expect(all).toContainEqual({ id: 'llama-2-7b', kind: 'base', state: 'absent' });
    expect((await platform.run(['model', 'ls'])).stdout).toMatch(/^ID +KIND/);
  });

  it('model show knows base models that are not here yet', async () => {
    const { exitCode, stdout } = await platform.run(['model', 'show', 'llama-2-7b', '--json', 'id,state']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ id: 'llama-2-7b', state: 'absent' });
  });

  it('run ls says how to begin while there is no run', async () => {
    expect((await platform.run(['run', 'ls', '--json'])).stdout).toBe('[]\n');
    expect((await platform.run(['run', 'ls'])).stdout).toContain('tuneloop train');
  });

  it('doctor finds platform and key in order', async () => {
    const { stdout } = await platform.run(['doctor', '--json', 'name,state']);
    const findings = parsed(z.array(z.object({ name: z.string(), state: z.enum(['ok', 'warn', 'wrong']) })), stdout);
    const stateOf = (name: string): string | undefined => findings.find((finding) => finding.name === name)?.state;
    expect({ platform: stateOf('platform'), key: stateOf('key'), data: stateOf('data'), credentials: stateOf('credentials') }).toEqual({
      platform: 'ok',
      key: 'ok',
      data: 'ok',
      credentials: 'ok',
    });
  });
});

describe('asking', () => {
  const answer = z.object({
    model: z.string(),
    content: z.string().min(1),
    finish_reason: z.string(),
    completion_tokens: z.int().min(1),
    prompt_tokens: z.int().min(1),
    total_ms: z.number(),
  });

  it('prints the answer on stdout and nothing else there', async () => {
    const asJson = parsed(answer, (await platform.run(['ask', '-m', 'scripted', '--json', 'Who are you?'])).stdout);
    const asText = await platform.run(['ask', '-m', 'scripted', 'Who are you?']);
    expect(asText.stdout).toBe(`${asJson.content}\n`);
    expect(asText.stderr).toContain('tokens');
  });

  it('takes the question from a pipe', async () => {
    const { exitCode, stdout } = await platform.run(['chat', 'scripted', '--json', 'content'], 'Who are you?\n');
    expect(exitCode).toBe(0);
    expect((JSON.parse(stdout) as { content: string }).content).not.toBe('');
  });

  it('compares models as one JSON line each', async () => {
    const { stdout } = await platform.run(['chat', '--compare', 'scripted,scripted', '--json', 'model', 'Who are you?']);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { model: string }).model),
    ).toEqual(['scripted', 'scripted']);
  });
});

describe('model pull', () => {
  it('is done at once for a model that is there', async () => {
    expect(await platform.run(['model', 'pull', 'scripted', '--json'])).toMatchObject({
      exitCode: 0,
      stdout: '{"type":"pull-ended","id":"scripted"}\n',
    });
  });

  it('tells a failure that comes after the stream has begun: the hub is away (exit code 7)', async () => {
    const { exitCode, stderr } = await platform.run(['model', 'pull', 'gpt-j-6b']);
    expect(stderr).toContain('✗ source_unreachable');
    expect(exitCode).toBe(7);
  });

  it('does not know every name (exit code 5)', async () => {
    expect(await platform.run(['model', 'pull', 'nope'])).toMatchObject({ exitCode: 5 });
    expect(await platform.run(['model', 'pull', 'nope', '--local'])).toMatchObject({ exitCode: 5 });
  });
});

describe('what the platform refuses', () => {
  it.each([
    ['an unknown run', ['run', 'show', 'ftjob-nope'], 5, 'run_not_found'],
    ['a run to cancel that is not there', ['run', 'cancel', 'ftjob-nope'], 5, 'run_not_found'],
    ['an unknown model', ['ask', '-m', 'nope', 'hello'], 5, 'model_not_found'],
    ['a base model to delete', ['model', 'rm', 'scripted', '--yes'], 4, 'permission_denied'],
    ['a base model that is not here yet', ['train', 'file-nope', '--no-watch'], 7, 'model_not_ready'],
  ])('%s becomes its own exit code and message', async (_what, words, exitCode, code) => {
    const ran = await platform.run(words);
    expect(ran.stderr).toContain(`✗ ${code}  `);
    expect(ran.stderr).toMatch(/request req_\w+/);
    expect(ran.exitCode).toBe(exitCode);
  });

  it('training on nothing is a mistake in the command line, and no request', async () => {
    const ran = await platform.run(['train', '-f', '-', '--no-watch'], 'model: scripted\n');
    expect(ran).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nothing to train on') as string });
  });

  it('a wrong key is exit code 4, and login does not keep it', async () => {
    const other = { ...platform.environment, XDG_CONFIG_HOME: join(platform.data, 'nobody'), TUNELOOP_KEY: 'sk-tl-wrong-wrong-wrong' };
    expect(await runOnTestTerminal(['run', 'ls'], other)).toMatchObject({ exitCode: 4 });
    expect(await runOnTestTerminal(['login'], other)).toMatchObject({ exitCode: 4 });
    expect(existsSync(credentialsPath(other))).toBe(false);
  });

  it('login keeps a key that comes on stdin, for the commands that follow', async () => {
    const { TUNELOOP_PORT: _, ...rest } = platform.environment;
    const other = { ...rest, XDG_CONFIG_HOME: join(platform.data, 'somebody') };
    expect(await runOnTestTerminal(['login', '--url', platform.address], other, `${platform.key}\n`)).toMatchObject({ exitCode: 0 });
    expect(await runOnTestTerminal(['run', 'ls', '--json'], other)).toMatchObject({ exitCode: 0, stdout: '[]\n' });
  });
});

describe('stopping', () => {
  it('down stops the platform once, and has nothing to stop the second time', async () => {
    const pid = readPlatformFile(platform.data)!.pid;
    const { exitCode, stdout } = await platform.run(['down', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ stopped: true, pid, address: platform.address });
    expect(isPlatform(pid)).toBe(false);
    expect(JSON.parse((await platform.run(['down', '--json'])).stdout)).toMatchObject({ stopped: false });
    expect(await platform.run(['status'])).toMatchObject({ exitCode: 7 });
  });
});
