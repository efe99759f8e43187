import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { RunFeed } from './run-feed.ts';
import { insertTestRun } from './test-run.ts';
import { writeRun } from './write-run.ts';

const never = new AbortController().signal;

describeDatabases('the feed of a run', (database) => {
  const db = () => database.current.db;

  async function seqs(feed: RunFeed, runId: string, afterSeq: number, signal = never): Promise<number[]> {
    const seen: number[] = [];
    for await (const event of feed.subscribe(runId, afterSeq, signal)) seen.push(event.seq);
    return seen;
  }

  it('shows every event once and in order, whenever a subscriber comes and wherever it starts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 5 }), pauseMs: fc.integer({ min: 0, max: 4 }) }), {
          minLength: 1,
          maxLength: 25,
        }),
        fc.array(fc.record({ delayMs: fc.integer({ min: 0, max: 60 }), after: fc.integer({ min: 0, max: 30 }) }), {
          minLength: 1,
          maxLength: 6,
        }),
        async (writes, subscribers) => {
          const feed = new RunFeed(db());
          const { id } = await insertTestRun(db(), { state: 'running' });
          const writing = (async () => {
            for (const [index, { count, pauseMs }] of writes.entries()) {
              const isLast = index === writes.length - 1;
              const guard = isLast ? ({ id, transition: 'succeed' } as const) : { id };
              await writeRun(
                db(),
                guard,
                {},
                Array.from({ length: count }, () => ({ type: 'log', message: '' })),
              );
              feed.announce(id);
              await wait(pauseMs);
            }
          })();
          const reading = subscribers.map(async ({ delayMs, after }) => {
            await wait(delayMs);
            return { after, seen: await seqs(feed, id, after) };
          });
          await writing;
          const total = writes.reduce((sum, { count }) => sum + count, 0);
          for (const { after, seen } of await Promise.all(reading)) {
            expect(seen).toEqual(Array.from({ length: Math.max(0, total - after) }, (_, index) => after + index + 1));
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  it('gives a thousand events to a reader that loses its connection again and again', async () => {
    const feed = new RunFeed(db());
    const { id } = await insertTestRun(db(), { state: 'running' });
    const writing = (async () => {
      for (let written = 0; written < 1000; written += 10) {
        await writeRun(
          db(),
          written === 990 ? { id, transition: 'fail' } : { id },
          {},
          Array.from({ length: 10 }, () => ({ type: 'log', message: '' })),
        );
        feed.announce(id);
      }
    })();
    const seen: number[] = [];
    for (let isCut = true; isCut;) {
      isCut = false;
      let left = 1 + Math.floor(Math.random() * 40);
      for await (const event of feed.subscribe(id, seen.at(-1) ?? 0, never)) {
        seen.push(event.seq);
        isCut = --left === 0;
        if (isCut) break;
      }
    }
    await writing;
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
  });

  it('shows what another process stores, without being told', async () => {
    const { id } = await insertTestRun(db(), { state: 'running' });
    const reading = seqs(new RunFeed(db()), id, 0);
    await writeRun(db(), { id }, {}, [{ type: 'log', message: '' }]);
    await wait(100);
    await writeRun(db(), { id, transition: 'cancel' }, {}, [{ type: 'run-cancelled', message: '' }]);
    expect(await reading).toEqual([1, 2]);
  });

  it('ends at once for a run that is over and read to its end', async () => {
    const { id } = await insertTestRun(db(), { state: 'running' });
    await writeRun(db(), { id, transition: 'succeed' }, {}, [{ type: 'run-ended', message: '' }]);
    const feed = new RunFeed(db());
    expect(await seqs(feed, id, 0)).toEqual([1]);
    expect(await seqs(feed, id, 1)).toEqual([]);
    expect(await seqs(feed, id, 7)).toEqual([]);
  });

  it('ends when its reader goes', async () => {
    const { id } = await insertTestRun(db(), { state: 'running' });
    const gone = new AbortController();
    const reading = seqs(new RunFeed(db()), id, 0, gone.signal);
    await wait(50);
    gone.abort();
    expect(await reading).toEqual([]);
  });
});
