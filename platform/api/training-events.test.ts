import { TrainingRun, TrainingRunEvent, TrainingRunList } from '#contract/training-run.ts';
import { FineTuningJob, FineTuningJobEventList } from '#contract/openai/fine-tuning.ts';
import type { RunRow } from '#platform/training/rows.ts';
import { insertTestRun } from '#platform/training/test-run.ts';
import { writeRun } from '#platform/training/write-run.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
});
afterAll(() => test.close());

/** A paused run: the reconciler leaves it alone. */
async function newRun(): Promise<RunRow> {
  return insertTestRun(test.app.database.db, { state: 'paused' });
}

async function tell(run: RunRow, message: string): Promise<void> {
  await writeRun(test.app.database.db, { id: run.id }, {}, [{ type: 'log', message }]);
  test.app.training.feed.announce(run.id);
}

interface Frame {
  id?: string;
  event?: string;
  retry?: string;
  data?: string;
}

/** Frames of the stream until `enough`, or its end; then the connection is cut. */
async function framesOf(
  run: RunRow,
  options: { headers?: Record<string, string>; query?: string; enough?: (frames: Frame[]) => boolean } = {},
): Promise<Frame[]> {
  const client = new AbortController();
  const path = `/api/v1/training/jobs/${run.id}/events/stream${options.query ?? ''}`;
  const response = await test.call(path, { headers: options.headers ?? {}, signal: client.signal });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const frames: Frame[] = [];
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) if (!block.startsWith(':')) frames.push(frameOf(block));
    if (options.enough?.(frames)) {
      client.abort();
      break;
    }
  }
  return frames;
}

function frameOf(block: string): Frame {
  return Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
}

const seqsOf = (frames: Frame[]): number[] => frames.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));

it('tells what happened, then what happens, and says when it is over', async () => {
  const run = await newRun();
  await tell(run, 'first');
  await tell(run, 'second');
  const following = framesOf(run, { enough: (frames) => frames.some(({ event }) => event === 'end') });
  await tell(run, 'third');
  expect((await test.call(`/v1/fine_tuning/jobs/${run.id}/cancel`, { method: 'POST' })).status).toBe(200);
  const frames = await following;
  expect(frames[0]).toEqual({ retry: '3000' });
  expect(seqsOf(frames)).toEqual([1, 2, 3, 4]);
  const events = frames.flatMap(({ id, data }) => (id === undefined ? [] : [TrainingRunEvent.strict().parse(JSON.parse(data!))]));
  expect(events.map(({ message }) => message).slice(0, 3)).toEqual(['first', 'second', 'third']);
  expect(events.at(-1)).toMatchObject({ event: 'run-cancelled', seq: 4 });
  expect(frames.at(-1)).toEqual({ event: 'end', data: '{}' });
});

it('goes on after the last event that was seen, without gap or duplicate, however often the connection breaks', async () => {
  const run = await newRun();
  const seen: number[] = [];
  const total = 120;
  const telling = (async () => {
    for (let index = 0; index < total; index++) await tell(run, `event ${index}`);
  })();
  while (seen.length < total) {
    const wanted = Math.min(total - seen.length, 1 + (seen.length % 7));
    const frames = await framesOf(run, {
      headers: { 'last-event-id': String(seen.at(-1) ?? 0) },
      enough: (got) => seqsOf(got).length >= wanted,
    });
    seen.push(...seqsOf(frames));
  }
  await telling;
  expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
});

it('answers 204 when nothing is left to tell', async () => {
  const run = await newRun();
  await tell(run, 'only');
  await test.call(`/v1/fine_tuning/jobs/${run.id}/cancel`, { method: 'POST' });
  expect(seqsOf(await framesOf(run, { query: '?after=1' }))).toEqual([2]);
  expect((await test.call(`/api/v1/training/jobs/${run.id}/events/stream?after=2`)).status).toBe(204);
});

it('refuses a position that is none, and a run of nobody', async () => {
  const run = await newRun();
  const path = `/api/v1/training/jobs/${run.id}/events/stream`;
  expect((await test.call(`${path}?after=x`)).status).toBe(400);
  expect((await test.call(path, { headers: { 'last-event-id': 'x' } })).status).toBe(400);
  expect((await test.call('/api/v1/training/jobs/ftjob-none/events/stream')).status).toBe(404);
});

it('shows one run in both views, with the shapes of the contract', async () => {
  const run = await newRun();
  const job = FineTuningJob.strict().parse(await (await test.call(`/v1/fine_tuning/jobs/${run.id}`)).json());
  expect(job).toMatchObject({ id: run.id, status: 'paused', fine_tuned_model: null, finished_at: null, error: null });
  const whole = TrainingRun.strict().parse(await (await test.call(`/api/v1/training/jobs/${run.id}`)).json());
  expect(whole).toMatchObject({ ...job, step: 0, queue_position: null });
  const list = TrainingRunList.strict().parse(await (await test.call('/api/v1/training/jobs?limit=1')).json());
  expect(list).toMatchObject({ has_more: true, first_id: run.id, last_id: run.id });
});

it('pages through the events newest first', async () => {
  const run = await newRun();
  for (const message of ['a', 'b', 'c']) await tell(run, message);
  const path = `/v1/fine_tuning/jobs/${run.id}/events?limit=2`;
  const first = FineTuningJobEventList.strict().parse(await (await test.call(path)).json());
  expect(first.data.map(({ message }) => message)).toEqual(['c', 'b']);
  expect(first.has_more).toBe(true);
  const second = FineTuningJobEventList.parse(await (await test.call(`${path}&after=${first.last_id}`)).json());
  expect(second).toMatchObject({ has_more: false, data: [{ message: 'a' }] });
});

it('keeps runs of other projects out of sight', async () => {
  const { db } = test.app.database;
  await db
    .insertInto('projects')
    .values({ id: 'proj_other', name: 'other' })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const theirs = await insertTestRun(db, { state: 'paused', project_id: 'proj_other' });
  for (const path of ['', '/events', '/checkpoints'])
    expect((await test.call(`/v1/fine_tuning/jobs/${theirs.id}${path}`)).status).toBe(404);
  for (const action of ['cancel', 'pause', 'resume']) {
    expect((await test.call(`/v1/fine_tuning/jobs/${theirs.id}/${action}`, { method: 'POST' })).status).toBe(404);
  }
  expect((await test.call(`/api/v1/training/jobs/${theirs.id}/events/stream`)).status).toBe(404);
});
