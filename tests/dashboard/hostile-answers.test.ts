/** What a model says is nobody's markup: sixty answers that try to run or fetch something, on the page of a run. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertTestRun } from '#platform/training/test-run.ts';
import { writeRun } from '#platform/training/write-run.ts';
import { startTestServer, type TestServer } from '#platform/api/test-server.ts';
import { openBrowser, openPage } from './browser.ts';
import { hostileTexts } from './hostile-texts.ts';

describe('sixty hostile answers', () => {
  let server: TestServer;
  let browser: Browser;

  beforeAll(async () => {
    [browser, server] = await Promise.all([openBrowser(), startTestServer()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('are shown letter by letter, open no dialog and fetch nothing, in lanes, events, names and labels', async () => {
    expect(new Set(hostileTexts).size).toBeGreaterThanOrEqual(60);
    const { db } = server.app.database;
    const { id } = await insertTestRun(db, { state: 'paused' });
    await db
      .updateTable('runs')
      .set({ metadata: JSON.stringify({ name: hostileTexts[0], label: hostileTexts[1] }) })
      .where('id', '=', id)
      .execute();
    const probe = { id: 'probe-1', origin: 'chosen', messages: [{ role: 'user', content: hostileTexts[2] }], reference: hostileTexts[3] };
    const answer = {
      probe_id: 'probe-1',
      tokens: 9,
      finish_reason: 'stop',
      reference_loss: 1,
      first_token_seconds: 0,
      seconds: 0,
      waited_seconds: null,
    };
    await writeRun(db, { id }, {}, [
      { type: 'probe-added', message: 'Probe', data: { probe } },
      { type: 'probe-answered', message: 'base', data: { ...answer, lane: 'base', step: 0, text: 'I cannot say.' } },
      ...hostileTexts.map((text, index) => ({
        type: 'probe-answered',
        message: text,
        data: { ...answer, lane: index % 2 === 0 ? 'live' : 'checkpoint', step: index + 1, text },
      })),
      ...hostileTexts.map((message) => ({ type: 'log', message, data: { message } })),
    ]);

    const { page, problems, close } = await openPage(browser, server);
    const live = page.locator('[data-lane=live] [data-answer]');
    const checkpoint = page.locator('[data-lane=checkpoint] [data-answer]');
    await page.goto(`/runs/${id}?events=all`);
    // From the newest answer back to the first, one key a step.
    for (let index = hostileTexts.length - 2; index >= 0; index -= 2) {
      await page.getByText(`live ${index + 1}`, { exact: true }).waitFor();
      expect(await live.textContent()).toBe(hostileTexts[index]);
      const before = index + 2 === hostileTexts.length ? hostileTexts[index + 1] : hostileTexts[index - 1];
      if (before !== undefined) expect(await checkpoint.textContent()).toBe(before);
      expect(await page.locator('main :is(script, img[src*=evil], iframe, object, embed, [onload], a[href^=javascript])').count()).toBe(0);
      await page.keyboard.press('[');
    }
    await page.goto('/runs');
    await page.locator(`[data-run="${id}"]`).waitFor();
    await page.goto('/');
    await page.locator(`[data-run="${id}"]`).first().waitFor();
    expect(problems).toEqual([]);
    await close();
  }, 180_000);
});
