/** 10,000 events on the run page: at its load, while they come in, and while one scrolls through them. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRow } from '#platform/training/rows.ts';
import { insertTestRun } from '#platform/training/test-run.ts';
import { writeRun, type NewEvent } from '#platform/training/write-run.ts';
import { startTestServer, until, type TestServer } from '#platform/api/test-server.ts';
import { openBrowser, openPage } from './browser.ts';

const many = 10_000;
/** Most milliseconds of work at a time: what is longer is felt. */
const longestMs = 100;

function stepEvents(from: number, count: number): NewEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const step = from + index;
    const data = { step, total_steps: 2 * many, epoch: 1, eta_seconds: 60, loss: 2 + Math.sin(step / 50), mean_token_accuracy: 0.5 };
    return {
      type: 'run-step',
      message: `Step ${step}/${2 * many}: training loss 2`,
      data: { ...data, learning_rate: 1e-4, grad_norm: 1, seen_tokens: step, step_seconds: 0.1, tokens_per_second: 300, memory_bytes: 5e8 },
    };
  });
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Processor time of the thread, in microseconds. */
  tdur?: number;
  args: { name?: string };
}

/**
 * The longest task of a page's main thread, in milliseconds of its own processor time: what else the machine does at the same time
 * makes no difference.
 */
function longestTaskMs(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(({ name, ph, pid, tid }) => name.endsWith('RunTask') && ph === 'X' && mains.has(`${pid} ${tid}`));
  if (tasks.length < 100) throw new Error(`the trace has ${tasks.length} tasks only: nothing was measured`);
  return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur / 1000), 0);
}

describe('a run with 10,000 events', () => {
  let server: TestServer;
  let browser: Browser;
  let run: RunRow;

  const tell = async (from: number, count: number): Promise<void> => {
    for (let done = 0; done < count; done += 500) {
      await writeRun(
        server.app.database.db,
        { id: run.id },
        { step: from + done + 499, total_steps: 2 * many },
        stepEvents(from + done, 500),
      );
    }
    server.app.training.feed.announce(run.id);
  };

  beforeAll(async () => {
    [browser, server] = await Promise.all([openBrowser(), startTestServer()]);
    run = await insertTestRun(server.app.database.db, { state: 'paused' });
    await tell(1, many);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('stays interactive: no piece of work above 100 ms while 10,000 more come in and one scrolls', { timeout: 120_000 }, async () => {
    const { page, problems, close } = await openPage(browser, server);
    await page.goto(`/runs/${run.id}?events=all`);
    await until(async () => Number(await page.locator('[data-items]').getAttribute('data-items')) >= 500, 'the log is there', 20_000);
    const before = Number(await page.locator('[data-last-seq]').getAttribute('data-last-seq'));
    await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'] });

    await tell(before + 1, many);
    await until(
      async () => Number(await page.locator('[data-last-seq]').getAttribute('data-last-seq')) === before + many,
      'all have come',
      60_000,
    );
    const list = page.locator('[data-items]');
    for (let top = 0; top < 100_000; top += 9000) await list.evaluate((element, to) => element.scrollTo(0, to), top);
    await page.getByRole('tab', { name: 'Config' }).click();
    await page.getByText('Frozen when the run was made').waitFor();
    const longest = longestTaskMs(await browser.stopTracing());
    console.info(`longest piece of work with ${many} events on the page and ${many} coming in: ${longest.toFixed(0)} ms`);
    expect(longest).toBeLessThan(longestMs);
    expect(Number(await page.locator('[data-points]').getAttribute('data-points'))).toBeLessThanOrEqual(3500);
    expect(problems).toEqual([]);
    await close();
  });
});
