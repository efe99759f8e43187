import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { TrainingSeries } from '#contract/series.ts';
import { newId } from '#platform/core/ids.ts';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { SeriesReader } from './series-reader.ts';
import { SeriesBuckets } from './series-buckets.ts';
import { insertTestRun } from './test-run.ts';
import { writeRun, type NewEvent } from './write-run.ts';

const project = 'proj_default';

const stepEvent = (step: number, loss: number): NewEvent => ({
  type: 'run-step',
  message: '',
  data: { step, loss, mean_token_accuracy: null, learning_rate: 1e-4, grad_norm: 2, tokens_per_second: 300, memory_bytes: 5e8 },
});
const evaluated = (step: number, loss: number): NewEvent => ({ type: 'run-evaluated', message: '', data: { step, loss } });

describeDatabases('the curves of a run', (database) => {
  const db = () => database.current.db;
  const newRun = async (): Promise<string> => (await insertTestRun(db(), { state: 'running' })).id;
  const tell = (id: string, events: NewEvent[]) => writeRun(db(), { id }, {}, events);

  it('are every step as it was while there are few, and name the event after which to follow', async () => {
    const id = await newRun();
    await tell(id, [{ type: 'log', message: 'no figures' }, stepEvent(1, 3), stepEvent(2, 2), evaluated(2, 2.5), stepEvent(3, 1)]);
    const series = TrainingSeries.parse(await new SeriesReader(db()).read(project, id, 1500));
    expect(series).toMatchObject({ job_id: id, last_seq: 5, last_step: 3 });
    expect(series.series.loss).toEqual({ step: [1, 2, 3], mean: [3, 2, 1], min: [3, 2, 1], max: [3, 2, 1] });
    expect(series.series.eval_loss).toMatchObject({ step: [2], mean: [2.5] });
    expect(series.series.mean_token_accuracy.step).toEqual([]);
  });

  it('go on with what has come since, the same as if it were read anew', async () => {
    const id = await newRun();
    const reader = new SeriesReader(db());
    for (let step = 1; step <= 40; step++) {
      await tell(id, [stepEvent(step, 40 - step)]);
      if (step % 7 === 0) await reader.read(project, id, 10);
    }
    expect(await reader.read(project, id, 10)).toEqual(await new SeriesReader(db()).read(project, id, 10));
  });

  it('count a step that was trained again once, as it was last, also when the resume is seen later', async () => {
    const id = await newRun();
    const reader = new SeriesReader(db());
    await tell(id, [1, 2, 3, 4, 5].map((step) => stepEvent(step, 10)).concat(evaluated(4, 9)));
    expect((await reader.read(project, id, 1500)).series.loss.step).toEqual([1, 2, 3, 4, 5]);
    await tell(id, [{ type: 'run-started', message: '' }, stepEvent(3, 20), stepEvent(4, 21)]);
    await tell(id, [{ type: 'run-started', message: '' }, stepEvent(2, 30), stepEvent(3, 31)]);
    for (const series of [await reader.read(project, id, 1500), await new SeriesReader(db()).read(project, id, 1500)]) {
      expect(series.series.loss).toMatchObject({ step: [1, 2, 3], mean: [10, 30, 31] });
      expect(series.series.eval_loss.step).toEqual([]);
      expect(series.last_step).toBe(3);
    }
  });

  it('are refused for a run of nobody', async () => {
    await expect(new SeriesReader(db()).read(project, 'ftjob-none', 10)).rejects.toMatchObject({ code: 'run_not_found' });
  });

  it('of 50,000 steps keep every extreme, hold up nobody for long, and cost next to nothing the second time', async () => {
    const id = await newRun();
    await sql`insert into run_events (run_id, seq, id, at, type, message, data)
      select ${id}, n, ${newId('e')}::text || n, now(), 'run-step', '', jsonb_build_object(
        'step', n, 'loss', case when n = 23457 then 99 else 1 end, 'grad_norm', 1, 'learning_rate', 0.0001,
        'tokens_per_second', 300, 'memory_bytes', 500000000, 'epoch', 1, 'total_steps', 50000, 'seen_tokens', n, 'eta_seconds', 60)
      from generate_series(1, 50000) n`.execute(db());
    const reader = new SeriesReader(db());
    const turns: number[] = [];
    let lastTurn = performance.now();
    const clock = setInterval(() => {
      turns.push(performance.now() - lastTurn);
      lastTurn = performance.now();
    }, 1);
    const beganAt = performance.now();
    const { loss } = (await reader.read(project, id, 1500)).series;
    clearInterval(clock);
    const firstMs = performance.now() - beganAt;
    const startedAt = performance.now();
    await reader.read(project, id, 1500);
    const againMs = performance.now() - startedAt;
    console.info(
      `50,000 steps: read in ${firstMs.toFixed(0)} ms, longest turn ${Math.max(...turns).toFixed(0)} ms; read again in ${againMs.toFixed(1)} ms`,
    );
    expect(loss.step.length).toBeLessThanOrEqual(1500);
    expect(loss.step.length).toBeGreaterThan(700);
    expect(loss.step.at(-1)).toBe(50_000);
    expect(Math.max(...loss.max)).toBe(99);
    expect(againMs).toBeLessThan(500);
  });
});

it('buckets keep the mean of all that was added, whatever is asked of them', () => {
  const buckets = new SeriesBuckets();
  for (let step = 1; step <= 10_000; step++) buckets.add(step, step);
  for (const points of [2, 7, 1500]) {
    const { step, min, max, mean } = buckets.curve(points);
    expect(step.length).toBeLessThanOrEqual(points);
    expect(step.at(-1)).toBe(10_000);
    expect(min[0]).toBe(1);
    expect(max.at(-1)).toBe(10_000);
    expect(mean.every((value, index) => value >= min[index]! && value <= max[index]!)).toBe(true);
  }
});
