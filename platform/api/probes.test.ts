import { ProbeAnswerList, ProbeDeleted, ProbeList, Probe } from '#contract/probe.ts';
import { TrainingRun } from '#contract/training-run.ts';
import type { RunRow } from '#platform/training/rows.ts';
import { insertTestRun } from '#platform/training/test-run.ts';
import { databaseNow, writeRun } from '#platform/training/write-run.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
});
afterAll(() => test.close());

const pathOf = (run: RunRow, rest = ''): string => `/api/v1/training/jobs/${run.id}/probes${rest}`;

/** A paused run: the reconciler leaves it alone. */
const newRun = (): Promise<RunRow> => insertTestRun(test.app.database.db, { state: 'paused' });

it('pins a probe, lists it, and takes it off again', async () => {
  const run = await newRun();
  const added = await test.call(pathOf(run), { body: { prompt: 'How long?', reference: 'Two years.', repeat: true } });
  expect(added.status).toBe(201);
  const probe = Probe.parse(await added.json());
  expect(probe).toMatchObject({ origin: 'chosen', messages: [{ role: 'user', content: 'How long?' }], reference: 'Two years.' });
  expect(ProbeList.parse(await (await test.call(pathOf(run))).json())).toEqual({
    object: 'list',
    data: [probe],
    has_more: false,
    share: null,
    interval_steps: null,
  });
  const removed = await test.call(pathOf(run, `/${probe.id}`), { method: 'DELETE' });
  expect(ProbeDeleted.parse(await removed.json()).id).toBe(probe.id);
  expect(ProbeList.parse(await (await test.call(pathOf(run))).json()).data).toEqual([]);
  expect((await test.call(pathOf(run, `/${probe.id}`), { method: 'DELETE' })).status).toBe(404);
});

it('lists the answers that are stored, of one probe or of all, page by page', async () => {
  const run = await newRun();
  const answer = {
    lane: 'live',
    text: 'x',
    tokens: 1,
    finish_reason: 'stop',
    reference_loss: null,
    first_token_seconds: 0,
    seconds: 0,
    waited_seconds: null,
  };
  for (let step = 1; step <= 6; step++) {
    const data = { ...answer, step, probe_id: `probe-${step % 2}` };
    await writeRun(test.app.database.db, { id: run.id }, {}, [{ type: 'probe-answered', message: '', data }]);
  }
  const page = async (query: string) => ProbeAnswerList.parse(await (await test.call(pathOf(run, `/answers${query}`))).json());
  const first = await page('?limit=4');
  expect([first.data.map(({ step }) => step), first.has_more]).toEqual([[1, 2, 3, 4], true]);
  expect((await page(`?after_seq=${first.data.at(-1)!.seq}`)).data.map(({ step }) => step)).toEqual([5, 6]);
  expect((await page('?probe_id=probe-0')).data.map(({ step }) => step)).toEqual([2, 4, 6]);
});

it.each([
  [{}, 'takes either prompt or messages'],
  [{ prompt: 'a', messages: [{ role: 'user', content: 'b' }] }, 'takes either prompt or messages'],
  [{ prompt: '' }, 'prompt'],
  [{ messages: [{ role: 'tool', content: 'b' }] }, 'messages[0].role'],
  [{ prompt: 'a', repeats: true }, 'repeats'],
])('refuses %j', async (body, told) => {
  const answer = await test.call(pathOf(await newRun()), { body });
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain(told);
});

it('says why a run cannot be asked', async () => {
  const paused = await newRun();
  expect(await (await test.call(pathOf(paused), { body: { prompt: 'a' } })).json()).toMatchObject({ error: { code: 'invalid_state' } });
  const over = await insertTestRun(test.app.database.db, { state: 'succeeded' });
  for (const body of [{ prompt: 'a' }, { prompt: 'a', repeat: true }])
    expect(await (await test.call(pathOf(over), { body })).json()).toMatchObject({ error: { code: 'invalid_state' } });
  expect((await test.call(pathOf(over, '/stream'))).status).toBe(204);
  expect((await test.call('/api/v1/training/jobs/ftjob-no/probes')).status).toBe(404);
});

it('steers under the path of its own too, and says what cannot be done', async () => {
  const run = await newRun();
  const post = (action: string) => test.call(`/api/v1/training/jobs/${run.id}/${action}`, { method: 'POST' });
  for (const action of ['keep', 'stop']) {
    const refused = await post(action);
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('is paused and has no live weights');
  }
  expect(TrainingRun.parse(await (await post('pause')).json()).status).toBe('paused');
  expect(TrainingRun.parse(await (await post('cancel')).json()).status).toBe('cancelled');
});

it('streams what waits at once, and ends when the run does', async () => {
  const { db } = test.app.database;
  const run = await newRun();
  const probe = { id: 'probe_a', origin: 'asked', messages: [{ role: 'user', content: 'Who?' }], reference: null };
  await writeRun(db, { id: run.id }, {}, [{ type: 'probe-added', message: '', data: { probe } }]);
  const answer = await test.call(pathOf(run, '/stream'));
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const text = answer.text();
  await writeRun(db, { id: run.id, transition: 'cancel' }, { finished_at: databaseNow }, [{ type: 'run-cancelled', message: '' }]);
  test.app.training.feed.announce(run.id);
  expect(await text).toContain('"probe_id":"probe_a","lane":"live","step":0,"text":"","state":"waiting"');
  expect(await text).toMatch(/event: end\ndata: \{\}\n\n$/);
});
