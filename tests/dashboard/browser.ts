/** A real browser at a real platform: signed in, on its own profile, and keeping account of everything that went wrong in the page. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { projectRoot } from '#platform/config.ts';
import type { RunningPlatform } from '../running-platform.ts';

/** Debian's; set-up of the tests installs it. */
const executable = process.env['TUNELOOP_TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function openBrowser(): Promise<Browser> {
  if (!existsSync(executable)) throw new Error(`${executable} is not there; run: node scripts/test.mjs, which installs it`);
  return chromium.launch({ executablePath: executable, args: flags });
}

export interface OpenPage {
  page: Page;
  /** Errors of scripts and of the console, breaches of the content policy, dialogs, and requests to anywhere but the platform. */
  problems: string[];
  close(): Promise<void>;
}

/** A page of a context of its own. Signed in unless `isSignedIn` is false; nothing is loaded yet. */
export async function openPage(
  browser: Browser,
  platform: Pick<RunningPlatform, 'url' | 'key'>,
  { isSignedIn = true, ...options }: BrowserContextOptions & { isSignedIn?: boolean } = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, baseURL: platform.url, ...options });
  if (isSignedIn) {
    const answer = await context.request.post('/api/v1/session', { data: { key: platform.key }, headers: { origin: platform.url } });
    if (!answer.ok()) throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`);
  }
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  page.on('console', (message) => {
    // A platform that is not there is part of some tests; the browser's own line about it says nothing more.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) problems.push(`console: ${message.text()}`);
  });
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const address = request.url();
    if (!address.startsWith(`${platform.url}/`) && !/^(data|blob):/.test(address)) problems.push(`foreign request: ${address}`);
  });
  return { page, problems, close: () => context.close() };
}

/** A picture for the documents, as the page is then: TUNELOOP_TEST_PICTURES=1 npx vitest run tests/demo.test.ts tests/dashboard/new-run.test.ts */
export async function keepPicture(page: Page, name: string): Promise<void> {
  if (process.env['TUNELOOP_TEST_PICTURES']) await page.screenshot({ path: join(projectRoot, 'docs/images', name) });
}

interface AxeNode {
  html: string;
  failureSummary: string;
}

/** What axe finds that is serious or critical: its rule, and where. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Evaluated by the debugger, not as a script of the page: the content policy stays as it is.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<{ violations: { id: string; impact: string; nodes: AxeNode[] }[] }>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} — ${failureSummary}`));
}
