/** The run page beside a real run: what it shows is the truth, whatever is killed or loaded anew on the way. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RowXray } from '#contract/datasets.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { newDataDir, removeDataDir, startPlatform, until, type RunningPlatform } from '../running-platform.ts';
import { openBrowser, openPage, seriousFindings, type OpenPage } from './browser.ts';
import { callApi, readEvents, readRun, startTinyRun, uploadRows } from './tiny-run.ts';

/** How soon a page shows what is so: after a load, and after whatever was killed is back. */
const truthMs = 5000;
/** 40 rows, 2 at a time, 25 times over. */
const steps = 500;

/** What the page says of itself: the step, how many points its curves have, the newest event it knows. */
async function shown(page: Page): Promise<{ step: number; points: number; lastSeq: number; status: string }> {
  return page.evaluate(() => {
    const read = (selector: string, name: string): string => document.querySelector(selector)?.getAttribute(name) ?? '';
    return {
      step: Number(read('[data-step]', 'data-step')),
      points: Number(read('[data-points]', 'data-points')),
      lastSeq: Number(read('[data-last-seq]', 'data-last-seq')),
      status: read('header [data-run-status]', 'data-run-status'),
    };
  });
}

describe('the page of a run', () => {
  const dataDir = newDataDir();
  let platform: RunningPlatform;
  let browser: Browser;
  let file: string;
  const opened: OpenPage[] = [];
  const start = async (port?: string): Promise<void> => {
    platform = await startPlatform(dataDir, {
      TUNELOOP_ENGINE: 'scripted',
      TUNELOOP_WARM_MODEL: testModelId,
      ...(port && { TUNELOOP_PORT: port }),
    });
  };
  const open = async (id: string): Promise<OpenPage> => {
    const page = await openPage(browser, platform);
    opened.push(page);
    await page.page.goto(`/runs/${id}`);
    return page;
  };
  /** Waits until the page shows at least what the API said when it was asked; fails after the time that is promised. */
  const untilTrue = async (page: Page, id: string): Promise<void> => {
    const { step } = await readRun(platform, id);
    const lastSeq = (await readEvents(platform, id))[0]!.seq;
    await expect
      .poll(
        async () => {
          const now = await shown(page);
          return now.step >= step && now.lastSeq >= lastSeq && now.points === now.step;
        },
        { timeout: truthMs },
      )
      .toBe(true);
  };

  beforeAll(async () => {
    await placeTestModel(dataDir);
    [browser] = await Promise.all([openBrowser(), start()]);
    file = await uploadRows(platform);
  });
  afterEach(async () => {
    for (const page of opened.splice(0)) await page.close();
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
    removeDataDir(dataDir);
  });

  it('shows the truth after a reload, in a second browser, and after the platform was killed, with no step missing or doubled', async () => {
    const { id } = await startTinyRun(platform, file, { epochs: 25 });
    const { page, problems } = await open(id);
    await until(async () => (await shown(page)).step > 30);
    await untilTrue(page, id);

    await page.reload();
    await untilTrue(page, id);
    const second = await open(id);
    await untilTrue(second.page, id);

    const port = new URL(platform.url).port;
    await platform.kill();
    await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor();
    await start(port);
    await untilTrue(page, id);
    await untilTrue(second.page, id);
    await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor({ state: 'detached' });

    await until(async () => (await shown(page)).status === 'succeeded');
    for (const one of [page, second.page]) {
      await expect.poll(() => shown(one), { timeout: truthMs }).toMatchObject({ step: steps, points: steps, status: 'succeeded' });
    }
    await everyEventOnce(page, (await readEvents(platform, id))[0]!.seq);
    expect([...problems, ...second.problems]).toEqual([]);
  }, 400_000);

  it('shows each step once when the worker was killed and its steps are trained again', async () => {
    const { id } = await startTinyRun(platform, file, { epochs: 20 });
    const { page } = await open(id);
    await until(async () => (await shown(page)).step > 70);
    const started = (await readEvents(platform, id)).find(({ event }) => event === 'run-started')!;
    process.kill(Number(started.data['pid']), 'SIGKILL');
    await until(async () => (await readEvents(platform, id)).filter(({ event }) => event === 'run-started').length === 2);
    await untilTrue(page, id);
    await until(async () => (await shown(page)).status === 'succeeded');
    await expect.poll(() => shown(page), { timeout: truthMs }).toMatchObject({ step: 400, points: 400 });
    await page.reload();
    await expect.poll(() => shown(page), { timeout: truthMs }).toMatchObject({ step: 400, points: 400, status: 'succeeded' });
  }, 240_000);

  it('pauses, resumes, and stops with what was learnt as the model', async () => {
    const { id } = await startTinyRun(platform, file);
    const { page, problems } = await open(id);
    await until(async () => (await shown(page)).step > 10);
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.locator('header [data-run-status=paused]').waitFor();
    expect((await readRun(platform, id)).status).toBe('paused');
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.locator('header [data-run-status=running]').waitFor();
    await page.getByRole('button', { name: 'Stop & keep' }).click();
    await page.getByRole('link', { name: 'Chat with the result' }).waitFor();
    const run = await readRun(platform, id);
    expect(run.status).toBe('succeeded');
    expect(run.step).toBeLessThan(run.total_steps!);
    expect(problems).toEqual([]);
  }, 120_000);

  it('leads from a point of the loss to the rows of that step, and from the run to a new one with its settings', async () => {
    const { id } = await startTinyRun(platform, file, { epochs: 2, early_stopping_patience: 50, learning_rate: 0.00077 });
    const { page, problems } = await open(id);
    await until(async () => (await shown(page)).status === 'succeeded');
    await page
      .getByLabel('Phases')
      .getByText(/saving .* [MG]B/)
      .waitFor();
    await page.getByRole('img', { name: 'Loss', exact: true }).click();
    const rows = page.getByRole('region', { name: 'Rows of a step' });
    await rows.getByText('2 rows').waitFor();
    const step = Number(await rows.getAttribute('data-rows-of'));
    const told = (await readEvents(platform, id)).find(({ event, data }) => event === 'run-step' && data['step'] === step)!;
    expect(await rows.locator('li > span').allTextContents()).toEqual((told.data['rows'] as number[]).map(String));
    expect(await rows.locator('li').first().textContent()).toContain('What is');
    await rows.getByRole('button', { name: 'The next step' }).click();
    await page.locator(`[data-rows-of="${step + 1}"]`).waitFor();
    await page.reload();
    await page.locator(`[data-rows-of="${step + 1}"]`).waitFor();
    expect(await seriousFindings(page)).toEqual([]);

    // The rows of the run, token by token, under the base model and under what was learnt.
    await callApi(platform, '/api/v1/datasets', { name: 'tiny', file_id: file });
    const { fine_tuned_model: model } = await readRun(platform, id);
    const address = `/api/v1/datasets/tiny/versions/1/rows/1/xray?loss=true&model=${encodeURIComponent(model!)}`;
    const xray = await callApi<RowXray>(platform, address);
    expect(xray).toMatchObject({ model: testModelId, version: model, problem: null });
    expect(xray.loss!).toBeLessThan(xray.base_loss!);
    expect(xray.tokens.every(({ trained, loss, likeliest }) => trained === (loss !== null) && trained === (likeliest !== null))).toBe(true);

    await page.locator('h1').click();
    await page.keyboard.press('F');
    await page.getByText('The form says what that run was frozen to.').waitFor();
    expect(await page.getByLabel('Evaluations without a lower loss').inputValue()).toBe('50');
    await page.getByLabel('Seed').fill('5');
    await page.getByRole('region', { name: 'What is different' }).getByText('seed').waitFor();
    await page.getByRole('button', { name: 'Start run' }).click();
    await page.waitForURL(/\/runs\/ftjob-/);
    const [before, after] = [await readRun(platform, id), await readRun(platform, page.url().split('/').at(-1)!)];
    expect(after.config.settings).toEqual(before.config.settings);
    expect(after.config.adapter).toEqual(before.config.adapter);
    expect(after.seed).toBe(5);
    expect(problems).toEqual([]);
  }, 120_000);

  it('asks before it cancels, and shows the configuration that the run itself was frozen to', async () => {
    const { id } = await startTinyRun(platform, file, { learning_rate: 0.00077 });
    const { page } = await open(id);
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Let it run' }).click();
    expect((await readRun(platform, id)).status).not.toBe('cancelled');
    await page.keyboard.press('X');
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await page.locator('header [data-run-status=cancelled]').waitFor();
    await page.getByRole('tab', { name: 'Config' }).click();
    await page.getByText('0.00077').waitFor();
    expect(page.url()).toContain('tab=Config');
  }, 120_000);
});

/** The log has exactly so many events when single steps are shown, so none is missing and none is there twice. */
async function everyEventOnce(page: Page, count: number): Promise<void> {
  await page.getByLabel('every single step').check();
  const list = page.locator('[data-items]');
  await expect
    .poll(
      async () => {
        // The end of the list asks for the page before.
        await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
        return Number(await list.getAttribute('data-items'));
      },
      { timeout: 20_000 },
    )
    .toBe(count);
}
