/** The playground in a real browser: lanes side by side, probabilities, editing, stopping, the address, and models that mean harm. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { script, slowly, startTestServer, type TestServer } from '#platform/api/test-server.ts';
import { projectRoot } from '#platform/config.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { newDataDir, removeDataDir, startPlatform, until, type RunningPlatform } from '../running-platform.ts';
import { openBrowser, openPage, seriousFindings, type OpenPage } from './browser.ts';
import { hostileTexts } from './hostile-texts.ts';
import { callApi, readRun, startTinyRun, uploadRows } from './tiny-run.ts';

const patienceMs = 240_000;
const run = promisify(execFile);

let dataDir: string;
let platform: RunningPlatform;
/** Another platform, whose models answer in ours. */
let other: TestServer;
let browser: Browser;

beforeAll(async () => {
  other = await startTestServer();
  dataDir = newDataDir();
  await placeTestModel(dataDir);
  platform = await startPlatform(dataDir, {
    TUNELOOP_ENGINE: 'scripted',
    TUNELOOP_WARM_MODEL: testModelId,
    TUNELOOP_PARITY: 'false',
    TUNELOOP_UPSTREAMS: JSON.stringify([{ name: 'lab', base_url: `${other.url}/v1`, api_key: other.key }]),
  });
  browser = await openBrowser();
}, patienceMs);

afterAll(async () => {
  await browser?.close();
  await platform?.stop();
  await other?.close();
  removeDataDir(dataDir);
}, patienceMs);

async function openPlayground(address: string = '/playground?lanes=scripted+lab/scripted', options: object = {}): Promise<OpenPage> {
  const open = await openPage(browser, platform, options);
  await open.page.goto(address);
  await open.page.getByLabel('Your question').waitFor();
  return open;
}

async function send(page: Page, question: string): Promise<void> {
  await page.getByLabel('Your question').fill(question);
  await page.getByLabel('Your question').press('Enter');
}

const answersIn = (page: Page, state: string): Locator => page.locator(`article[data-state="${state}"]`);

async function waitForAnswers(page: Page, count: number, state: string = 'done'): Promise<void> {
  await until(async () => (await answersIn(page, state).count()) === count);
}

describe('the playground', () => {
  it('asks ours and another server side by side, and says how fast each was', async () => {
    const { page, problems, close } = await openPlayground();
    const others = page.getByLabel('Lane 2').locator('optgroup[label="Other servers"] option');
    await others.first().waitFor({ state: 'attached' });
    expect(await others.allTextContents()).toEqual(['lab/scripted']);
    await send(page, script({ text: 'one two three four five six', delay_ms: 20 }));
    await waitForAnswers(page, 2);
    for (const model of ['scripted', 'lab/scripted']) {
      const text = await page.locator(`article[data-lane="${model}"]`).textContent();
      expect(text).toContain('one two three four five six');
      expect(text).toMatch(/\d+ tok\/s · first token [\d.]+ s · 6 tokens/);
    }
    expect(problems).toEqual([]);
    await close();
  });

  it('tells under the pointer how sure a token was and what else could have stood there, and colours them by it', async () => {
    const { page, problems, close } = await openPlayground('/playground?lanes=scripted');
    await send(page, script({ text: 'some words to look at' }));
    await waitForAnswers(page, 1);
    await page.locator('[data-token="1"]').hover();
    await until(async () => /" words" \d+ %.* · /.test((await page.locator('[data-tokens]').textContent()) ?? ''));
    await page.getByRole('button', { name: 'Colour by probability' }).click();
    await page.getByLabel('Token of the answer').focus();
    await page.keyboard.press('End');
    await until(async () => ((await page.locator('[data-tokens]').textContent()) ?? '').startsWith('" at"'));
    expect(problems).toEqual([]);
    await close();
  });

  it('writes an earlier question anew, asks one lane again, and adds and removes lanes', async () => {
    const { page, problems, close } = await openPlayground('/playground?lanes=scripted');
    await send(page, 'first');
    await waitForAnswers(page, 1);
    await send(page, 'second');
    await waitForAnswers(page, 2);
    await page.getByRole('button', { name: 'Edit this question' }).first().click();
    await page.getByLabel('The question, written anew').fill('other');
    await page.getByLabel('The question, written anew').press('Enter');
    await until(async () => (await page.getByText('You said: other').count()) === 1);
    expect(await page.getByText('You said: second').count()).toBe(0);
    await page.getByRole('button', { name: '+ Lane' }).click();
    await page.getByText('not asked yet').waitFor();
    await page
      .getByRole('button', { name: /^Ask .* again$/ })
      .last()
      .click();
    await waitForAnswers(page, 2);
    await page.getByRole('button', { name: 'Remove lane 1' }).click();
    await waitForAnswers(page, 1);
    expect(problems).toEqual([]);
    await close();
  });

  it('stops all answers at once, keeps what was said, and the engine is free', async () => {
    const { page, close } = await openPlayground();
    await send(page, slowly);
    await until(async () => ((await page.locator('article').first().textContent()) ?? '').includes('word word'));
    await page.getByRole('button', { name: 'Stop' }).click();
    await waitForAnswers(page, 2, 'stopped');
    const health = async () => (await (await fetch(`${platform.url}/health`)).json()) as { engine: { active: number } };
    await until(async () => (await health()).engine.active === 0);
    expect(await page.locator('article').first().textContent()).toContain('word word');
    await close();
  });

  it('shows what went wrong in a lane, with its code, and lets the other answer', async () => {
    const { page, close } = await openPlayground('/playground?lanes=scripted+nobody');
    await send(page, 'hello');
    await waitForAnswers(page, 1);
    const failed = answersIn(page, 'failed');
    await failed.waitFor();
    expect(await failed.textContent()).toMatch(/there is no model "nobody".*model_not_found.*req_/s);
    await close();
  });

  it('stands in its address: a reload shows the answers too, another browser the questions', async () => {
    const first = await openPlayground('/playground?lanes=scripted');
    const { page } = first;
    await page.getByRole('button', { name: 'System prompt and sampling' }).click();
    await page.getByLabel('System prompt', { exact: true }).fill('be kind');
    await page.getByLabel('Temperature').fill('0');
    await send(page, 'a question & more');
    await waitForAnswers(page, 1);
    await until(async () => page.url().includes('ask=') && page.url().includes('temperature=0') && page.url().includes('system='));
    await page.reload();
    await page.getByText('You said: a question & more').waitFor();
    const second = await openPlayground(page.url());
    await second.page.getByText('a question & more').waitFor();
    expect(await second.page.getByRole('textbox', { name: 'System prompt', exact: true }).inputValue()).toBe('be kind');
    await second.page.getByRole('button', { name: 'Ask', exact: true }).first().click();
    await waitForAnswers(second.page, 1);
    expect([...first.problems, ...second.problems]).toEqual([]);
    await first.close();
    await second.close();
  });

  it('shows whatever a model says as text: nothing runs, nothing is fetched', async () => {
    const { page, problems, close } = await openPlayground('/playground?lanes=scripted&max=8000');
    await send(page, script({ text: hostileTexts.join('\n') }));
    await waitForAnswers(page, 1);
    const shown = await page.locator('article').textContent();
    for (const text of hostileTexts) expect(shown).toContain(text);
    await page.getByRole('button', { name: 'Colour by probability' }).click();
    await page.locator('[data-token="0"]').hover();
    expect(await page.locator('article :is(script, img, iframe, svg, style, a)').count()).toBe(0);
    expect(problems).toEqual([]);
    await close();
  });

  it('gives the same question as code that runs', async () => {
    const { page, close } = await openPlayground('/playground?lanes=scripted&system=be+kind&temperature=0');
    await send(page, 'What\'s "this" $HOME?');
    await waitForAnswers(page, 1);
    await page.getByRole('button', { name: 'Code for scripted' }).click();
    const said: Record<string, string> = {};
    for (const language of ['cURL', 'TypeScript', 'Python']) {
      await page.getByRole('tab', { name: language }).click();
      said[language] = await outputOf(language, (await page.locator(`pre[data-code="${language}"]`).textContent())!);
    }
    expect(JSON.parse(said['cURL']!)).toMatchObject({ choices: [{ message: { content: 'You said: What\'s "this" $HOME?' } }] });
    expect([said['TypeScript'], said['Python']]).toEqual(Array.from({ length: 2 }, () => 'You said: What\'s "this" $HOME?'));
    await close();
  });

  it(
    'asks a run that is training, whose weights of the moment answer',
    async () => {
      const { id } = await startTinyRun(platform, await uploadRows(platform), { probes: { automatic: false } });
      await until(async () => (await readRun(platform, id)).step > 0);
      const { page, problems, close } = await openPlayground(`/playground?lanes=live:${id}`);
      await send(page, 'What is 3 ?');
      await waitForAnswers(page, 1);
      expect(await answersIn(page, 'done').textContent()).toMatch(/step \d+/);
      expect(problems).toEqual([]);
      await callApi(platform, `/v1/fine_tuning/jobs/${id}/cancel`, {});
      await close();
    },
    patienceMs,
  );

  it.each(['light', 'dark'] as const)('has no serious finding of axe, in %s', async (colorScheme) => {
    const { page, close } = await openPlayground('/playground?lanes=scripted+nobody&settings=open&heat=on', { colorScheme });
    await send(page, 'hello');
    await waitForAnswers(page, 1);
    await waitForAnswers(page, 1, 'failed');
    expect(await seriousFindings(page)).toEqual([]);
    await close();
  });

  it('fits a telephone', async () => {
    const { page, close } = await openPlayground('/playground?lanes=scripted+lab/scripted&settings=open', {
      viewport: { width: 360, height: 740 },
    });
    await send(page, script({ text: 'averylongwordwithoutanyspace'.repeat(10) }));
    await waitForAnswers(page, 2);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await close();
  });
});

async function outputOf(language: string, code: string): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'tuneloop-snippet-'));
  symlinkSync(join(projectRoot, 'node_modules'), join(home, 'node_modules'));
  const file = join(home, language === 'TypeScript' ? 'snippet.mts' : 'snippet.py');
  writeFileSync(file, code);
  const [interpreter, ...words] =
    language === 'cURL'
      ? ['sh', '-c', code]
      : language === 'TypeScript'
        ? [process.execPath, file]
        : [join(projectRoot, '.venv/bin/python'), file];
  try {
    const { stdout } = await run(interpreter!, words, { cwd: home, env: { ...process.env, HOME: home, TUNELOOP_KEY: platform.key } });
    return stdout;
  } finally {
    rmSync(home, { recursive: true });
  }
}
