/** What every page promises: usable by everyone, in both themes, on a phone, by keyboard, and quick to load. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertTestRun } from '#platform/training/test-run.ts';
import { writeRun } from '#platform/training/write-run.ts';
import { startTestServer, type TestServer } from '#platform/api/test-server.ts';
import { openBrowser, openPage, seriousFindings } from './browser.ts';

const mostFirstLoadBytes = 250_000;

describe('the dashboard', () => {
  let server: TestServer;
  let browser: Browser;
  let paths: { path: string; heading: string }[];

  beforeAll(async () => {
    [browser, server] = await Promise.all([openBrowser(), startTestServer()]);
    const { db } = server.app.database;
    const { id } = await insertTestRun(db, { state: 'paused' });
    const stepsOf = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        type: 'run-step',
        message: `Step ${index + 1}`,
        data: {
          step: index + 1,
          total_steps: 60,
          loss: 3 / (index + 1),
          learning_rate: 1e-4,
          grad_norm: 1,
          tokens_per_second: 300,
          memory_bytes: 5e8,
        },
      }));
    await writeRun(db, { id }, { step: 50, total_steps: 60 }, stepsOf(50));
    const probe = { id: 'probe-1', origin: 'chosen', messages: [{ role: 'user', content: 'Who are you?' }], reference: 'Wick' };
    const answer = {
      probe_id: 'probe-1',
      tokens: 3,
      finish_reason: 'stop',
      reference_loss: 2,
      first_token_seconds: 0.1,
      seconds: 0.2,
      waited_seconds: null,
    };
    await writeRun(db, { id }, {}, [
      { type: 'probe-added', message: 'Probe', data: { probe } },
      { type: 'probe-answered', message: 'Base says', data: { ...answer, lane: 'base', step: 0, text: 'I am a model.' } },
      { type: 'probe-answered', message: 'Step 10 says', data: { ...answer, lane: 'live', step: 10, text: 'I am Wick.' } },
      { type: 'probe-answered', message: 'Step 20 says', data: { ...answer, lane: 'live', step: 20, text: 'I am Wick, of Lumen.' } },
    ]);
    paths = [
      { path: '/', heading: 'Under way' },
      { path: '/runs', heading: 'Runs' },
      { path: `/runs/${id}`, heading: 'Time machine' },
      { path: `/runs/${id}?tab=Config`, heading: 'Time machine' },
      { path: '/data', heading: 'Data' },
      { path: '/new', heading: 'New run' },
      { path: '/playground', heading: 'Playground' },
    ];
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it.each(['light', 'dark'] as const)(
    'has no serious finding of axe on any page, %s',
    async (colorScheme) => {
      const { page, problems, close } = await openPage(browser, server, { colorScheme });
      const findings: string[] = [];
      for (const { path, heading } of paths) {
        await page.goto(path);
        await page.getByRole('heading', { name: heading }).first().waitFor();
        await page.waitForLoadState('networkidle').catch(() => undefined);
        for (const finding of await seriousFindings(page)) findings.push(`${path} ${finding}`);
      }
      expect(findings).toEqual([]);
      expect(problems).toEqual([]);
      await close();
    },
    120_000,
  );

  it('fits 360 px without scrolling sideways', async () => {
    const { page, close } = await openPage(browser, server, { viewport: { width: 360, height: 740 } });
    for (const { path, heading } of paths) {
      await page.goto(path);
      await page.getByRole('heading', { name: heading }).first().waitFor();
      expect(await page.evaluate<number>('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(360);
    }
    await close();
  }, 60_000);

  it('loads at most 250 kB before a page is there, compressed', async () => {
    for (const { path, heading } of paths) {
      const { page, close } = await openPage(browser, server);
      await page.goto(path);
      await page.getByRole('heading', { name: heading }).first().waitFor();
      const files = await page.evaluate<{ name: string; size: number }[]>(
        `performance.getEntriesByType('resource').map(({ name, encodedBodySize }) => ({ name, size: encodedBodySize }))`,
      );
      const bytes = files.filter(({ name }) => /\.(js|css|svg)$/.test(name)).reduce((sum, { size }) => sum + size, 0);
      console.info(`${path.replace(/ftjob-\w+/, ':id')}: ${(bytes / 1000).toFixed(0)} kB`);
      expect(bytes).toBeGreaterThan(10_000);
      expect(bytes, path).toBeLessThanOrEqual(mostFirstLoadBytes);
      await close();
    }
  }, 120_000);

  it('asks for a key where there is no session, refuses a wrong one in words, and lets one go where one wanted to', async () => {
    const { page, problems, close } = await openPage(browser, server, { isSignedIn: false });
    await page.goto('/runs');
    await page.getByLabel('API key').fill('sk-tl-wrong');
    await page.keyboard.press('Enter');
    await page.getByText('invalid_api_key').first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel('API key').fill(server.key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    expect(page.url()).toContain('/runs');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    expect(problems).toEqual([]);
    await close();
  }, 60_000);

  it('is led by the keyboard: pages by two keys, everything by ⌘K, and ? lists what there is', async () => {
    const { page, close } = await openPage(browser, server);
    await page.goto('/');
    await page.getByRole('heading', { name: 'Under way' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Filter the runs').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('no such run');
    await page.getByText('No run matches the filter').waitFor();
    expect(page.url()).toContain('filter=no+such+run');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('playgr');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Playground' }).first().waitFor();
    await close();
  }, 60_000);

  it('says so where there is no page', async () => {
    const { page, close } = await openPage(browser, server);
    await page.goto('/no/such/page');
    await page.getByText('There is no page at this address').waitFor();
    await page.goto('/runs/ftjob-none');
    await page.getByText('run_not_found').first().waitFor();
    expect(await page.getByText('There is no fine-tuning job').count()).toBeGreaterThan(0);
    await close();
  }, 60_000);
});
