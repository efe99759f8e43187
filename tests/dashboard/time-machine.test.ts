/** The time machine in a real browser, beside a real run: three lanes, every earlier step, and a question in the middle of it. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProbeAnswerList } from '#contract/probe.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { newDataDir, removeDataDir, startPlatform, until, type RunningPlatform } from '../running-platform.ts';
import { openBrowser, openPage } from './browser.ts';
import { callApi, readEvents, startTinyRun, uploadRows } from './tiny-run.ts';

describe('the time machine', () => {
  const dataDir = newDataDir();
  let platform: RunningPlatform;
  let browser: Browser;

  beforeAll(async () => {
    await placeTestModel(dataDir);
    const environment = { TUNELOOP_ENGINE: 'scripted', TUNELOOP_WARM_MODEL: testModelId };
    [browser, platform] = await Promise.all([openBrowser(), startPlatform(dataDir, environment)]);
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
    removeDataDir(dataDir);
  });

  it('shows the same question answered by base, checkpoint and live weights, goes back, and answers what is asked meanwhile', async () => {
    // Far more steps than all this takes: it is cancelled at the end, however slow the browser is.
    const { id } = await startTinyRun(platform, await uploadRows(platform, 40, 5), { save_steps: 200 });
    const { page, problems, close } = await openPage(browser, platform);
    await page.goto(`/runs/${id}`);
    const answerOf = (lane: string) => page.locator(`[data-lane=${lane}] [data-answer]`);
    const answers = async () =>
      (await callApi<ProbeAnswerList>(platform, `/api/v1/training/jobs/${id}/probes/answers?probe_id=probe-1`)).data;

    // The tiny model says nonsense at first, and the numbers that it was taught in the end.
    await until(async () => ((await answerOf('live').textContent()) ?? '').startsWith('7 is 7'));
    await page
      .locator('[data-lane=checkpoint]')
      .getByText(/^checkpoint \d+$/)
      .waitFor();
    expect(await answerOf('base').textContent()).not.toMatch(/^7 is 7/);
    expect(await answerOf('live').locator('mark').first().textContent()).toContain('7');
    await page.locator('[data-probe-share]').waitFor();

    // Back to the first answer: what stood there then, and an address that leads there.
    await page.getByLabel('Step', { exact: true }).focus();
    await page.keyboard.press('Home');
    const first = (await answers()).find(({ lane }) => lane === 'live')!;
    await page.getByText(`live ${first.step}`, { exact: true }).waitFor();
    expect((await answerOf('live').textContent())!.trim()).toContain(first.text.trim().slice(0, 20));
    expect(page.url()).toContain(`step=${first.step}`);
    await page.reload();
    await page.getByText(`live ${first.step}`, { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Live' }).click();

    await page.getByLabel('Ask the live weights').fill('What is 9 ?');
    await page.keyboard.press('Enter');
    await page.getByText(/first token .* after it was asked/).waitFor();
    expect(await page.getByLabel('Probe', { exact: true }).locator('option:checked').textContent()).toBe('What is 9 ?');

    await page.getByRole('button', { name: 'Keep this step' }).click();
    await page.getByRole('tab', { name: 'Checkpoints' }).click();
    const kept = await until(async () => (await readEvents(platform, id)).find(({ data }) => data['kept'] === true));
    await page.locator('[aria-label=Checkpoints] tbody td:first-child').getByText(String(kept.data['step'])).waitFor();
    expect(problems).toEqual([]);
    await callApi(platform, `/v1/fine_tuning/jobs/${id}/cancel`, {});
    await close();
  }, 240_000);
});
