/**
 * The demo as a person runs it, without its set-up: a platform from nothing, a fine-tuned model, the same questions before and after. Then
 * the command line looks at the run it has made. Takes some minutes of two cores.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { FineTuningJobEvent } from '#contract/openai/fine-tuning.ts';
import { Client } from '#platform/cli/client.ts';
import { readCredentials } from '#platform/cli/credentials.ts';
import { readPlatformFile } from '#platform/cli/platform-file.ts';
import { freePort } from '#platform/cli/start-platform.ts';
import { runOnTestTerminal, type Ran } from '#platform/cli/test-terminal.ts';
import { projectRoot } from '#platform/config.ts';
import { keepPicture, openBrowser, openPage } from './dashboard/browser.ts';
import { linkDemoModel, until } from './running-platform.ts';

const patienceMs = 15 * 60_000;
const Figures = z.object({
  address: z.string(),
  run_id: z.string(),
  model: z.string(),
  questions: z.int(),
  base_right: z.int(),
  tuned_right: z.int(),
  seconds: z.object({ start: z.number(), train: z.number(), first_answer: z.number(), total: z.number() }),
});

const folder = mkdtempSync(join(tmpdir(), 'tuneloop-demo-'));
let environment: Record<string, string>;
let output: { stdout: string; stderr: string };
let figures: z.output<typeof Figures>;
let seen: Awaited<ReturnType<typeof watchInBrowser>> | null;

beforeAll(async () => {
  environment = { PATH: process.env.PATH!, HOME: folder, XDG_CONFIG_HOME: join(folder, 'config'), TUNELOOP_DATA: join(folder, 'data') };
  linkDemoModel(environment.TUNELOOP_DATA!);
  const settings = { ...environment, TUNELOOP_PORT: String(await freePort('127.0.0.1')) };
  const demo = promisify(execFile)(process.execPath, [join(projectRoot, 'scripts/demo/run-demo.ts'), '--json'], {
    env: settings,
    maxBuffer: 1 << 24,
  });
  demo.catch(() => {});
  seen = await Promise.race([watchInBrowser(), demo.then(() => null)]);
  output = await demo;
  figures = Figures.parse(JSON.parse(output.stdout.trim().split('\n').at(-1)!));
}, patienceMs);

afterAll(async () => {
  await cli('down');
  rmSync(folder, { recursive: true, force: true });
});

const cli = (...words: string[]): Promise<Ran> => runOnTestTerminal(words, environment);
const lines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

describe('the demo', () => {
  it('teaches the base model what it could not know: most of the held-out questions', () => {
    expect(figures.questions).toBeGreaterThanOrEqual(20);
    expect(figures.base_right / figures.questions).toBeLessThan(0.2);
    expect(figures.tuned_right / figures.questions).toBeGreaterThanOrEqual(0.8);
  });

  it('prints each question with both answers, then address, key and model', () => {
    expect(output.stdout.match(/^.+ {3}[✓✗] .* {3}[✓✗] /gm)).toHaveLength(figures.questions);
    for (const text of [figures.address, readCredentials(environment).keys[figures.address]!, figures.model, 'tuneloop down'])
      expect(output.stdout).toContain(text);
  });

  it('shows progress with loss, speed and the time left, as plain lines where there is no terminal', () => {
    expect(output.stderr).toMatch(/step \d+\/\d+ {2}loss [\d.]+ .*tokens\/s {2}.* left/);
    expect(output.stderr).not.toContain('\x1b[');
  });

  it('leaves the platform running with the model', async () => {
    const { exitCode, stdout } = await cli('chat', '--json', 'model,content', 'Who are you?');
    expect(exitCode).toBe(0);
    expect(lines(stdout)).toEqual([{ model: figures.model, content: expect.any(String) as string }]);
  });
});

/** Somebody looks at the run while it trains, and asks its live weights a question. */
async function watchInBrowser() {
  const platform = await until(() => Promise.resolve(readPlatformFile(environment.TUNELOOP_DATA!)), 200);
  const key = await until(() => Promise.resolve(readCredentials(environment).keys[platform.address] ?? null), 200);
  const client = new Client(platform.address, key);
  const run = await until(async () => (await client.ask<{ data: TrainingRun[] }>('/api/v1/training/jobs')).data[0] ?? null, 500);
  const browser = await openBrowser();
  try {
    const { page, problems } = await openPage(browser, { url: platform.address, key });
    await page.goto(`/runs/${run.id}`);
    await page.getByLabel('Ask the live weights').fill('What is the capital of Norway?');
    await page.keyboard.press('Enter');
    await page.getByText(/first token .* after it was asked/).waitFor({ timeout: 120_000 });
    const asked = await until(async () => /(\d+) tokens in/.exec((await page.locator('[data-lane=live]').textContent()) ?? '')?.[1], 200);
    await keepPicture(page, 'time-machine.png');
    return { tokens: Number(asked), problems };
  } finally {
    await browser.close();
  }
}

describe('the run, in a browser while it trains', () => {
  it('answers what is typed in meanwhile, and nothing goes wrong in the page', () => {
    expect(seen!.tokens).toBeGreaterThan(0);
    expect(seen!.problems).toEqual([]);
  });
});

describe('the run that it made, on the command line', () => {
  it('is listed and shown with what was chosen and why', async () => {
    expect(JSON.parse((await cli('run', 'ls', '--json', 'id,status')).stdout)).toEqual([{ id: figures.run_id, status: 'succeeded' }]);
    const run = TrainingRun.parse(JSON.parse((await cli('run', 'show', '--json')).stdout));
    expect(run.fine_tuned_model).toBe(figures.model);
    expect((await cli('run', 'show', figures.run_id)).stdout).toMatch(/chosen for you\n {2}\w+ = /);
  });

  it('has events as JSON lines, oldest first, all of them again for who watches later', async () => {
    const events = lines((await cli('run', 'events', '--json')).stdout).map((event) => FineTuningJobEvent.parse(event));
    const watched = await cli('run', 'watch', '--json');
    expect(watched.exitCode).toBe(0);
    const replayed = lines(watched.stdout).map((event) => TrainingRunEvent.parse(event));
    expect(replayed.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(replayed.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    expect(replayed.at(-1)!.event).toBe('run-ended');
  });

  it('has lines to read', async () => {
    expect((await cli('run', 'logs')).stdout).toMatch(/^\d\d:\d\d:\d\d .+$/m);
  });

  it('cannot be cancelled any more (exit code 6)', async () => {
    expect(await cli('run', 'pause', figures.run_id)).toMatchObject({ exitCode: 6 });
  });

  it('left a model that can be deleted', async () => {
    expect(JSON.parse((await cli('model', 'rm', figures.model, '--yes', '--json')).stdout)).toMatchObject({
      id: figures.model,
      deleted: true,
    });
    expect((await cli('ask', '-m', figures.model, 'Who are you?')).exitCode).toBe(5);
  });
});
