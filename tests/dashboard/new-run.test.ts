/** New run in a real browser: from a dropped file to a chat with the result, and every way to write the same run down. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainingRun, TrainingRunList } from '#contract/training-run.ts';
import { projectRoot } from '#platform/config.ts';
import { placeTestModel, testModelId } from '#platform/training/test-models.ts';
import { linkDemoModel, newDataDir, removeDataDir, startPlatform, until, type RunningPlatform } from '../running-platform.ts';
import { keepPicture, openBrowser, openPage, seriousFindings, type OpenPage } from './browser.ts';

const demoModel = 'smollm2-135m-instruct';
const patienceMs = 600_000;
const run = promisify(execFile);

const codeRows = Array.from({ length: 8 }, (_, index) => ({
  messages: [
    { role: 'user', content: `What is the code word, question ${index + 1}?` },
    { role: 'assistant', content: 'The code word is wickerwork.' },
  ],
}));
/** In the words that the tiny model has. */
const tinyRows = Array.from({ length: 12 }, (_, index) => ({
  messages: [
    { role: 'user', content: `What is ${index} ?` },
    { role: 'assistant', content: `${(index * 7) % 50} .` },
  ],
}));

let dataDir: string;
let platform: RunningPlatform;
let browser: Browser;
let folder: string;

beforeAll(async () => {
  dataDir = newDataDir();
  folder = mkdtempSync(join(tmpdir(), 'tuneloop-new-run-'));
  linkDemoModel(dataDir);
  await placeTestModel(dataDir);
  writeFileSync(join(folder, 'code-word.jsonl'), linesOf(codeRows));
  writeFileSync(join(folder, 'tiny.jsonl'), linesOf(tinyRows));
  platform = await startPlatform(dataDir, { TUNELOOP_PARITY: 'false', TUNELOOP_COST_PER_HOUR: '0.04' });
  browser = await openBrowser();
}, patienceMs);

afterAll(async () => {
  await browser?.close();
  await platform?.stop();
  removeDataDir(dataDir);
  rmSync(folder, { recursive: true, force: true });
}, patienceMs);

const linesOf = (rows: object[]): string => rows.map((row) => JSON.stringify(row)).join('\n');

async function ask<Answer>(path: string, method = 'GET'): Promise<Answer> {
  const response = await fetch(platform.url + path, { method, headers: { authorization: `Bearer ${platform.key}` } });
  return (await response.json()) as Answer;
}

async function addDataset(name: string, rows: object[]): Promise<void> {
  const form = new FormData();
  form.set('name', name);
  form.set('file', new Blob([linesOf(rows)]), `${name}.jsonl`);
  const answer = await fetch(`${platform.url}/api/v1/datasets/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${platform.key}` },
    body: form,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

/** The form with a file uploaded and a model chosen. */
async function filledForm(open: OpenPage, file: string, model: string): Promise<Page> {
  const { page } = open;
  await page.goto('/new');
  await page.getByLabel('Base model').selectOption(model);
  await page.getByLabel('File to upload').setInputFiles(join(folder, file));
  await page.getByText('The first 5 rows of').waitFor();
  return page;
}

async function set(page: Page, label: string, value: string): Promise<void> {
  await page.getByText('Advanced', { exact: false }).first().waitFor();
  if (!(await page.getByLabel('Search the settings').isVisible())) await page.locator('summary', { hasText: 'Advanced' }).click();
  await page.getByLabel(label, { exact: true }).fill(value);
}

describe('New run', () => {
  it(
    'leads by clicks from a file to a plan, a run, and a chat with the result',
    async () => {
      const open = await openPage(browser, platform);
      const page = await filledForm(open, 'code-word.jsonl', demoModel);
      await page.getByLabel('Name of the model').fill('clicks');
      await set(page, 'n epochs', '6');
      await set(page, 'batch size', '4');
      await page.getByRole('button', { name: 'Measure', exact: false }).click();
      await page.getByText(/measured: \d+ steps/).waitFor({ timeout: patienceMs });
      expect(await page.getByRole('row', { name: /^time/ }).textContent()).toMatch(/\d/);
      expect(await page.getByRole('row', { name: /^memory/ }).textContent()).toMatch(/MB|GB/);
      expect(await page.getByRole('row', { name: /^cost/ }).textContent()).toContain('$');
      await page.getByLabel('Money, dollars').fill('0.00001');
      await page.getByText('Not even one step is sure to fit').waitFor();
      await page.getByLabel('Money, dollars').fill('');
      await page.getByLabel('Time, minutes').fill('10');
      await page.getByText('It keeps within 10 m').waitFor();
      await page.evaluate(() => scrollTo(0, 0));
      await keepPicture(page, 'new-run.png');
      await page.getByText('Why 0.0015?').click();
      await page.getByText('tried at 135M').waitFor();

      await page.getByRole('button', { name: 'Start run' }).click();
      await page.waitForURL(/\/runs\/ftjob-/);
      await page.getByText('succeeded').first().waitFor({ timeout: patienceMs });
      await page.getByRole('link', { name: 'Chat with the result' }).click();
      await page.waitForURL(/\/playground/);
      await page.getByLabel('Your question').fill('What is the code word?');
      await page.getByLabel('Your question').press('Enter');
      const answer = page.locator('article[data-state="done"]').first();
      await answer.waitFor();
      expect(await answer.getAttribute('data-lane')).toMatch(/^ft:smollm2-135m-instruct:default:clicks:/);
      expect((await answer.textContent())!.toLowerCase()).toContain('wickerwork');

      await addDataset('code-word', codeRows);
      await page.goto(`/data/code-word?row=1&view=difference&model=${encodeURIComponent((await answer.getAttribute('data-lane'))!)}`);
      await page.getByText(/loss [\d.]+ → [\d.]+ likelier now/).waitFor({ timeout: patienceMs });
      await page.getByRole('img', { name: /Rows by length/ }).waitFor();
      await page.locator('[data-kind=learnt]').nth(4).hover();
      expect(await page.locator('[data-token-line]').textContent()).toMatch(/base loss .* tuned loss /);
      await keepPicture(page, 'x-ray.png');
      expect(open.problems).toEqual([]);
      await open.close();
    },
    patienceMs,
  );

  it('says what is wrong beside the field: what was typed, what the platform refuses, and rows that cannot be trained on', async () => {
    const open = await openPage(browser, platform);
    const { page } = open;
    await page.goto('/new');
    await page.getByRole('button', { name: 'Start run' }).click();
    await page.getByRole('alert').getByText('choose or drop a file of rows').waitFor();

    writeFileSync(join(folder, 'bad.jsonl'), `${JSON.stringify(tinyRows[0])}\n{"messages": [{"role": "user", "content": "only asked"}]}\n`);
    await page.getByLabel('Base model').selectOption(testModelId);
    await page.getByLabel('File to upload').setInputFiles(join(folder, 'bad.jsonl'));
    await page.getByText('All 2 rows of bad.jsonl').waitFor();
    await page.getByRole('button', { name: 'Start run' }).click();
    const data = page.getByRole('region', { name: 'Data' });
    await data
      .getByRole('alert')
      .getByText(/row 2|line 2/i)
      .waitFor();

    await set(page, 'learning rate', '7');
    await page.getByRole('button', { name: 'Measure', exact: false }).click();
    await page
      .getByRole('alert')
      .getByText(/learning_rate/)
      .first()
      .waitFor();
    await set(page, 'learning rate', 'fast');
    await page.getByRole('alert').getByText('a number, above 0 to 1').waitFor();
    expect(open.problems).toEqual([]);
    await open.close();
  });

  it('takes a file that is dropped anywhere on the page', async () => {
    const open = await openPage(browser, platform);
    await open.page.goto('/new');
    await open.page.getByRole('heading', { name: 'New run' }).waitFor();
    const dropped = await open.page.evaluateHandle((text) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], 'dropped.jsonl'));
      return transfer;
    }, linesOf(tinyRows));
    await open.page.dispatchEvent('h1', 'dragover', { dataTransfer: dropped });
    await open.page.dispatchEvent('h1', 'drop', { dataTransfer: dropped });
    await open.page.getByText('The first 5 rows of dropped.jsonl').waitFor();
    expect(open.problems).toEqual([]);
    await open.close();
  });

  it('offers the data that ships with the platform, with its held-out rows', async () => {
    const open = await openPage(browser, platform);
    await open.page.goto('/new');
    await open.page.getByLabel('Training file').locator('option', { hasText: 'lumen-support' }).first().waitFor({ state: 'attached' });
    await open.page.getByLabel('Training file').selectOption('example:lumen-support');
    await open.page.getByText('The first 5 rows of example-lumen-support.jsonl').waitFor();
    expect(await open.page.getByLabel('Validation file').inputValue()).toMatch(/^file-/);
    expect(open.problems).toEqual([]);
    await open.close();
  });

  it('has the options of the method that is chosen, and reads data of other formats', async () => {
    const open = await openPage(browser, platform);
    const { page } = open;
    writeFileSync(join(folder, 'pairs.csv'), 'prompt,chosen,rejected\nWhat is 1 ?,7 .,8 .\nWhat is 2 ?,14 .,9 .\n');
    await page.goto('/new?as=YAML');
    await page.getByLabel('Base model').selectOption(testModelId);
    await page.getByLabel('File to upload').setInputFiles(join(folder, 'pairs.csv'));
    await page.getByText('All 2 rows of pairs.csv').waitFor();
    await page.getByLabel('What is learnt').selectOption('dpo');
    await set(page, 'beta', '0.25');
    await until(async () => /method:\s+type: dpo\s+beta: 0\.25/.test((await page.locator('pre[data-code="YAML"]').textContent())!));
    await page.getByLabel('What is trained').selectOption('prefix_tuning');
    await set(page, 'num virtual tokens', '7');
    await until(async () =>
      /adapter:\s+type: prefix_tuning\s+num_virtual_tokens: 7/.test((await page.locator('pre[data-code="YAML"]').textContent())!),
    );
    expect(await page.getByLabel('lora alpha', { exact: true }).count()).toBe(0);
    await page.getByLabel('What is trained').selectOption('dora');
    await until(async () => /adapter:\s+use_dora: true/.test((await page.locator('pre[data-code="YAML"]').textContent())!));
    expect(open.problems).toEqual([]);
    await open.close();
  });

  it('stands in its address: a reload shows the same form, and so does another browser', async () => {
    const first = await openPage(browser, platform);
    const page = await filledForm(first, 'tiny.jsonl', testModelId);
    await set(page, 'n epochs', '7');
    await page.getByLabel('Teach facts').check();
    await page.getByRole('button', { name: 'Add a probe' }).click();
    await page.getByLabel('Probe 1', { exact: true }).fill('What is 3 ?');
    await page.getByLabel('Search the settings').fill('dropout');
    await until(async () => page.url().includes('dropout') && page.url().includes('probes'));
    const second = await openPage(browser, platform);
    for (const shown of [page, second.page]) {
      await shown.goto(page.url());
      await shown.getByText('The first 5 rows of tiny.jsonl').waitFor();
      expect(await shown.getByLabel('Base model').inputValue()).toBe(testModelId);
      expect(await shown.getByLabel('Teach facts').isChecked()).toBe(true);
      expect(await shown.getByLabel('Probe 1', { exact: true }).inputValue()).toBe('What is 3 ?');
      expect(await shown.getByText('2 changed from default').isVisible()).toBe(true);
      expect(await shown.getByLabel('prompt dropout', { exact: true }).getAttribute('placeholder')).toBe('0.2 (goal)');
      expect(await shown.getByLabel('n epochs', { exact: true }).count()).toBe(0);
    }
    expect([...first.problems, ...second.problems]).toEqual([]);
    await first.close();
    await second.close();
  });

  it(
    'is written down in five languages, each of which starts the very same run',
    async () => {
      const open = await openPage(browser, platform);
      const page = await filledForm(open, 'tiny.jsonl', testModelId);
      await page.getByLabel('Name of the model').fill('written');
      await page.getByLabel('Seed').fill('11');
      for (const [label, value] of [
        ['max steps', '2'],
        ['learning rate', '1e-3'],
        ['target modules', 'q_proj, v_proj'],
        ['r', '4'],
      ])
        await set(page, label!, value!);
      const codeIn = async (language: string): Promise<string> => {
        await page.getByRole('tab', { name: language }).click();
        return (await page.locator(`pre[data-code="${language}"]`).textContent())!;
      };
      const written: Record<string, string> = {};
      for (const language of ['YAML', 'CLI', 'cURL', 'TypeScript', 'Python']) written[language] = await codeIn(language);
      // Probes are texts of people: the command line takes them from a file.
      await page.getByRole('button', { name: 'Add a probe' }).click();
      await page.getByLabel('Probe 1', { exact: true }).fill('What\'s "3" ?');
      await until(async () => (await codeIn('CLI')).includes('probes'));
      const withProbes = await codeIn('CLI');

      const ofForm = await startedBy(() => page.getByRole('button', { name: 'Start run' }).click(), page);
      expect(ofForm).toMatchObject({ seed: 11, adapter: { r: 4, target_modules: ['q_proj', 'v_proj'] }, settings: { max_steps: 2 } });
      const starts: Record<string, () => Promise<unknown>> = {
        YAML: () => yaml(written['YAML']!),
        CLI: () => shell(written['CLI']!),
        cURL: () => shell(written['cURL']!),
        TypeScript: () => program('snippet.mts', written['TypeScript']!, process.execPath),
        Python: () => program('snippet.py', written['Python']!, join(projectRoot, '.venv', 'bin', 'python')),
        'CLI with probes': () => shell(withProbes),
      };
      for (const [language, start] of Object.entries(starts)) expect(await startedBy(start), language).toEqual(ofForm);
      await open.close();
    },
    patienceMs,
  );

  it.each(['light', 'dark'] as const)('has no serious finding of axe, in %s', async (colorScheme) => {
    const open = await openPage(browser, platform, { colorScheme });
    await open.page.goto('/new?advanced=yes');
    await open.page.getByLabel('Search the settings').waitFor();
    await open.page.getByText(/No run has been held|The last/).waitFor();
    expect(await seriousFindings(open.page)).toEqual([]);
    await open.close();
  });

  it('fits a telephone', async () => {
    const open = await openPage(browser, platform, { viewport: { width: 360, height: 740 } });
    await open.page.goto('/new?advanced=yes');
    await open.page.getByLabel('Search the settings').waitFor();
    expect(await open.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await open.close();
  });
});

/** What the run was frozen to that `start` brought about, once it has ended. */
async function startedBy(start: () => Promise<unknown>, page?: Page): Promise<object> {
  const newest = async (): Promise<TrainingRun | undefined> => (await ask<TrainingRunList>('/api/v1/training/jobs?limit=1')).data[0];
  const before = (await newest())?.id;
  await start();
  await page?.waitForURL(/\/runs\//);
  const { id } = await until(async () => {
    const now = await newest();
    return now && now.id !== before ? now : null;
  });
  const ended = await until(async () => {
    const now = await ask<TrainingRun>(`/api/v1/training/jobs/${id}`);
    return ['succeeded', 'failed'].includes(now.status) ? now : null;
  });
  const { adapter, method, settings } = ended.config;
  return { adapter, method, settings, seed: ended.seed, file: ended.training_file, status: ended.status };
}

const environment = () => ({
  ...process.env,
  HOME: folder,
  XDG_CONFIG_HOME: folder,
  PATH: [join(projectRoot, 'bin'), process.env['PATH']].join(delimiter),
  TUNELOOP_KEY: platform.key,
  TUNELOOP_URL: platform.url,
});

function shell(code: string): Promise<unknown> {
  return run('sh', ['-c', code], { cwd: folder, env: environment() });
}

function yaml(code: string): Promise<unknown> {
  writeFileSync(join(folder, 'run.yaml'), code);
  return shell('tuneloop train -f run.yaml');
}

async function program(name: string, code: string, interpreter: string): Promise<unknown> {
  const home = mkdtempSync(join(tmpdir(), 'tuneloop-snippet-'));
  symlinkSync(join(projectRoot, 'node_modules'), join(home, 'node_modules'));
  writeFileSync(join(home, name), code);
  try {
    return await run(interpreter, [join(home, name)], { cwd: home, env: environment() });
  } finally {
    rmSync(home, { recursive: true });
  }
}
