/** The pages of data in a real browser: rows come in, are looked through, mended and taken out again, and each is seen as the loss sees it. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RowXray } from '#contract/datasets.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { trainingRows } from '#platform/training/test-training.ts';
import { newDataDir, removeDataDir, startPlatform, until, type RunningPlatform } from '../running-platform.ts';
import { openBrowser, openPage, seriousFindings, type OpenPage } from './browser.ts';
import { hostileTexts } from './hostile-texts.ts';
import { callApi, readRun, startTinyRun } from './tiny-run.ts';

const chat = (question: string, answer: string) => ({
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
});
const linesOf = (rows: unknown[]): string => rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n');
/** Longer than the 64 tokens of the tiny model. */
const longAnswer = Array.from({ length: 80 }, (_, index) => String(index % 50)).join(' ');

describe('the pages of data', () => {
  const dataDir = newDataDir();
  let platform: RunningPlatform;
  let browser: Browser;
  const opened: OpenPage[] = [];

  const open = async (path: string, options: Parameters<typeof openPage>[2] = {}): Promise<OpenPage> => {
    const page = await openPage(browser, platform, options);
    opened.push(page);
    page.page.setDefaultTimeout(10_000);
    await page.page.goto(path);
    return page;
  };
  const addRows = async (name: string, text: string): Promise<void> => {
    const form = new FormData();
    form.set('name', name);
    form.set('file', new Blob([text]), `${name}.jsonl`);
    await callApi(platform, '/api/v1/datasets/upload', form);
  };

  beforeAll(async () => {
    await placeTestModel(dataDir);
    [browser, platform] = await Promise.all([
      openBrowser(),
      startPlatform(dataDir, { TUNELOOP_ENGINE: 'scripted', TUNELOOP_WARM_MODEL: testModelId, TUNELOOP_PARITY: 'false' }),
    ]);
  }, 120_000);
  afterEach(async () => {
    for (const page of opened.splice(0)) await page.close();
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
    removeDataDir(dataDir);
  });

  it('offer the demo set where there is nothing yet, looked through and counted', async () => {
    const { page, problems } = await open('/');
    await page.getByRole('heading', { name: 'Welcome to Tuneloop' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByText('There is no data here yet').waitFor();
    await page.getByRole('button', { name: 'Add the demo set' }).click();
    await page.waitForURL(/\/data\/lumen-support/);
    await page.getByRole('button', { name: 'Who is Pim?' }).first().waitFor();
    await page.getByText(/Health [\d.]+/).waitFor();
    await page.getByRole('img', { name: /Rows by length: half have at most \d+ tokens/ }).waitFor();
    await page.goto('/data');
    const row = page.locator('[data-dataset=lumen-support]');
    await row.getByText(/finding|nothing found/).waitFor();
    await expect.poll(() => row.locator('td').nth(3).textContent()).toMatch(/^[\d,]+$/);
    expect(problems).toEqual([]);
  }, 120_000);

  it('take rows that are pasted, say which could not be read and why, and mend them as a new version beside the old one', async () => {
    const { page, problems } = await open('/data?add=yes');
    const rows = [
      chat('What is 1 ?', '7 .'),
      '{"messages": [',
      chat('What is 1 ?', '7 .'),
      chat('What is 3 ?', longAnswer),
      chat('What is 4 ?', '8 .'),
    ];
    await page.getByLabel('Or paste rows').fill(linesOf(rows));
    await page.getByRole('button', { name: 'Read these rows' }).click();
    await page.getByText(/JSONL of chats \(messages\)/).waitFor();
    await page.getByLabel('Name', { exact: false }).first().fill('pasted');
    await page.getByRole('button', { name: 'Add as a data set' }).click();
    await page.waitForURL(/\/data\/pasted\?.*finding=invalid_rows/);
    const table = page.getByRole('region', { name: 'Rows', exact: true });
    await table.locator('[data-row="2"]').getByText('✗').waitFor();
    expect(await table.locator('[data-row]').count()).toBe(1);
    expect(await table.locator('[data-row="2"]').textContent()).toMatch(/JSON/);

    await page.locator('[data-finding=exact_duplicates]').getByRole('button', { name: 'X-ray of row 3' }).click();
    await page.locator('[data-xray="3"]').waitFor();
    await page.getByRole('button', { name: 'Mend all that is proposed' }).click();
    await page.waitForURL(/version=2.*compare=1/);
    await page.locator('b', { hasText: '− 3 gone' }).waitFor();
    await page.locator('[data-change=removed]').getByText('✗ broken JSON').waitFor();
    await page.locator('[data-version="1"]').getByText('from pasted.jsonl (messages)').waitFor();
    await page
      .locator('li[data-version="2"]')
      .getByText(/of v1 · drop: /)
      .waitFor();
    expect(problems).toEqual([]);
  }, 120_000);

  it('edit a row, split, convert and export, and lead to a run on what is shown', async () => {
    await addRows('parts', trainingRows(20));
    const { page, problems } = await open('/data/parts?row=2');
    await page.getByRole('button', { name: 'Edit' }).click();
    await page
      .getByLabel('The row as JSON', { exact: true })
      .last()
      .fill(JSON.stringify(chat('What is 1?', '1 is 2.')));
    await page.getByRole('button', { name: 'Save as a new version' }).click();
    await page.locator('[data-change=changed]').getByText('2 → 2').waitFor();
    await page.getByText('~ 1 changed').waitFor();

    await page.locator('h1').click();
    await page.keyboard.press('s');
    await page.getByRole('button', { name: 'Split', exact: true }).click();
    await page.getByRole('status').getByText('18 rows').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('x');
    await page.getByRole('combobox', { name: /^Format/ }).selectOption('instruction');
    await page.getByRole('combobox', { name: /^File/ }).selectOption('csv');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    expect(download.suggestedFilename()).toBe('parts-v2.csv');
    expect(readFileSync(await download.path(), 'utf8').split('\n')[0]).toContain('instruction');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Convert…' }).click();
    await page.getByLabel('Into').selectOption('prompt');
    await page.getByRole('button', { name: 'Convert', exact: true }).click();
    await page.waitForURL(/\/data\/parts-prompt/);

    await page.goto('/data/parts?version=1');
    await page.getByRole('link', { name: 'Train on this' }).click();
    await page.waitForURL(/\/new/);
    await expect.poll(() => page.getByLabel('Training file').inputValue(), { timeout: 20_000 }).toBe('parts@1');
    expect(problems).toEqual([]);
  }, 120_000);

  it('take a file that is dropped anywhere, with its columns renamed, and delete a set once its name is typed', async () => {
    const { page, problems } = await open('/data');
    await page.getByRole('heading', { name: 'Data', exact: true }).waitFor();
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['ask,say\nWhat is 1 ?,7 .\nWhat is 2 ?,8 .\n'], 'my table.csv'));
      return transfer;
    });
    await page.dispatchEvent('h1', 'dragover', { dataTransfer: dropped });
    await page.dispatchEvent('h1', 'drop', { dataTransfer: dropped });
    await page.getByText('No format fits these rows').waitFor();
    await page.getByText('Rename columns (2)').click();
    await page.getByLabel('ask').selectOption('prompt');
    await page.getByLabel('say').selectOption('completion');
    await page.getByText(/CSV of chats \(prompt_completion\): 100 %/).waitFor();
    await page.getByRole('button', { name: 'Add as a data set' }).click();
    await page.waitForURL(/\/data\/my-table/);
    await page.getByRole('button', { name: 'What is 2 ?' }).waitFor();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByLabel('Type its name to delete it').fill('my-table');
    await page.getByRole('button', { name: 'Delete the data set' }).click();
    await page.waitForURL(/\/data$/);
    await page.locator('[data-dataset=my-table]').waitFor({ state: 'detached' });
    expect(problems).toEqual([]);
  }, 120_000);

  it('fetch of many rows only those that are looked at, and open any of them', async () => {
    await addRows('many', trainingRows(4000));
    const { page } = await open('/data/many');
    await page.locator('[data-row="1"]').waitFor();
    const list = page.getByRole('region', { name: 'Rows', exact: true });
    expect(await list.getAttribute('data-items')).toBe('100');
    expect(await list.locator('[data-row]').count()).toBeLessThan(40);
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await expect.poll(() => list.getAttribute('data-items')).toBe('200');
    await page.getByLabel('Go to row').fill('3210');
    await page.keyboard.press('Enter');
    await page.locator('[data-xray="3210"]').waitFor();
    await list.locator('[data-row="3210"]').getByText('3209 is 3209.').waitFor();
    await page.locator('h1').click();
    await page.keyboard.press('j');
    await page.locator('[data-xray="3211"]').waitFor();
  }, 120_000);

  it('show hostile rows letter by letter, and run and fetch nothing of them', async () => {
    const rows = hostileTexts.map((text, index) => ({ ...chat(text, hostileTexts.at(-1 - index)!), [text.slice(0, 40)]: text }));
    await addRows('hostile', linesOf([...rows, ...rows.slice(0, 3), hostileTexts[0]!]));
    const { page, problems } = await open('/data/hostile?row=1&compare=1');
    await page.getByRole('button', { name: 'Look through the rows' }).click();
    await page.getByText(/Health [\d.]+/).waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await page.getByLabel('The row as JSON', { exact: true }).textContent()).toContain(hostileTexts[0]);
    for (const row of [2, 3, 4]) {
      await page.locator(`[data-row="${row}"]`).click();
      await page.locator(`[data-xray="${row}"]`).getByRole('region', { name: 'The row, token by token' }).waitFor();
      expect(await page.locator(`[data-row="${row}"]`).textContent()).toContain(hostileTexts[row - 1]);
    }
    expect(await page.locator('main :is(script, img, iframe, object, embed, [onload], a[href^=javascript])').count()).toBe(0);
    expect(problems).toEqual([]);
  }, 120_000);

  it('show a row as the loss sees it: what is learnt, masked and cut off', async () => {
    await addRows('long', `${trainingRows(2)}${JSON.stringify(chat('What is 9?', longAnswer))}\n`);
    const { page, problems } = await open('/data/long?row=3');
    await page.getByText('This row cannot be trained on').waitFor();
    const xray = await callApi<RowXray>(platform, '/api/v1/datasets/long/versions/1/rows/3/xray');
    const kindOf = ({ trained, truncated }: RowXray['tokens'][number]): string => (truncated ? 'cut' : trained ? 'learnt' : 'masked');
    expect(await kindsOf(page)).toEqual(xray.tokens.map(kindOf));
    expect(new Set(await kindsOf(page)).size).toBe(3);
    expect(problems).toEqual([]);
  }, 120_000);

  it('tell what each token cost before and after a run, from the point of its loss on, at an address that others can open', async () => {
    await addRows('tiny', trainingRows(8));
    const { id } = await startTinyRun(platform, 'tiny@1', { epochs: 20 });
    const model = await until(async () => {
      const run = await readRun(platform, id);
      if (run.status === 'failed') throw new Error(run.error?.message);
      return run.fine_tuned_model;
    });
    const { page, problems } = await open(`/runs/${id}?rows=3`);
    // However fast the worker is, its answer comes once the page has said what it waits for.
    const told = Promise.withResolvers<void>();
    await page.route(/xray\?.*loss=true/, async (route) => {
      await told.promise;
      await route.continue();
    });
    await page
      .getByRole('link', { name: /X-ray of row/ })
      .first()
      .click();
    await page.waitForURL(/\/data\/tiny\?version=1&row=\d&from=\d&model=ft%3Atiny.*view=difference/);
    await page
      .getByRole('status')
      .getByText(/A worker computes the loss of \d+ tokens under ft:tiny/)
      .waitFor();
    told.resolve();
    const row = Number(/row=(\d)/.exec(page.url())![1]);
    const xray = await callApi<RowXray>(
      platform,
      `/api/v1/datasets/tiny/versions/1/rows/${row}/xray?loss=true&model=${encodeURIComponent(model)}`,
    );
    expect(xray.loss!).toBeLessThan(xray.base_loss!);
    const second = await open(page.url().replace(platform.url, ''));
    for (const shown of [page, second.page]) {
      await shown.getByText(`loss ${xray.base_loss!.toFixed(2)} → ${xray.loss!.toFixed(2)} likelier now`).waitFor();
      const at = xray.tokens.findLastIndex(({ trained }) => trained);
      await shown.locator(`[data-token="${at}"]`).hover();
      const words = await shown.locator('[data-token-line]').textContent();
      expect(words).toContain(`id ${xray.tokens[at]!.id} ·`);
      expect(words).toContain(`base loss ${xray.tokens[at]!.base_loss!.toFixed(2)}`);
      expect(words).toContain(`tuned loss ${xray.tokens[at]!.loss!.toFixed(2)}`);
    }

    const slider = page.getByLabel('Token', { exact: true });
    await slider.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/^2 · "user" · id 3 · masked$/);
    await page.getByLabel('Model').selectOption(testModelId);
    await page.getByRole('button', { name: 'Loss before' }).click();
    await page.getByText(`loss ${xray.base_loss!.toFixed(2)}`).waitFor();
    expect(await page.getByRole('button', { name: 'Difference' }).isDisabled()).toBe(true);
    expect([...problems, ...second.problems]).toEqual([]);
  }, 120_000);

  it.each(['light', 'dark'] as const)(
    'have no serious finding of axe and fit a telephone, %s',
    async (colorScheme) => {
      const findings: string[] = [];
      const { data: models } = await callApi<{ data: { id: string }[] }>(platform, '/v1/models');
      const tuned = models.find(({ id }) => id.startsWith('ft:'))!.id;
      const paths = [
        '/data?add=yes',
        '/data/pasted?version=1&compare=2&row=4&view=base',
        `/data/tiny?row=3&view=difference&model=${tuned}`,
      ];
      const { page, problems } = await open('/data', { colorScheme });
      for (const path of paths) {
        await page.setViewportSize({ width: 1440, height: 900 });
        await page.goto(path);
        await page.waitForLoadState('networkidle');
        await page.locator('[data-computing=true]').waitFor({ state: 'detached' });
        for (const finding of await seriousFindings(page)) findings.push(`${path} ${finding}`);
        await page.setViewportSize({ width: 360, height: 740 });
        expect(await page.evaluate<number>('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(360);
      }
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('X-ray of the next row').waitFor();
      expect(findings).toEqual([]);
      expect(problems).toEqual([]);
    },
    60_000,
  );
});

const kindsOf = (page: Page): Promise<(string | null)[]> =>
  page.locator('[data-token]').evaluateAll((all) => all.map((each) => each.getAttribute('data-kind')));
