/** What every tracker promises; each tracker's test runs it. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrackedFigures, TrackedPlace, TrackedRun, Tracker } from '../tracker.ts';

/** A run as it can be read from where the tracker keeps it. */
export interface KeptRun {
  name: string;
  parameters: Record<string, string>;
  /** Figure → its values by step. */
  figures: Record<string, Record<number, number>>;
  state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  model: string | null;
  /** The adapter's file; null where the tracker keeps none, or none was given. */
  adapter: string | null;
}

export interface TrackerCase {
  open: () => Promise<Tracker>;
  read: (run: TrackedRun, place: TrackedPlace) => Promise<KeptRun>;
  /** Whether files come along. */
  keepsFiles: boolean;
}

const never = new AbortController().signal;
const at = (seconds: number): Date => new Date(1_800_000_000_000 + seconds * 1000);

export function trackedTestRun(id: string): TrackedRun {
  const parameters = { base_model: 'tiny', 'settings.learning_rate': '0.0003', 'adapter.target_modules': '["q_proj"]' };
  return { id, name: 'lumen', startedAt: at(0), parameters, tags: { team: 'a' }, wishes: {} };
}

export function describeTracker(name: string, { open, read, keepsFiles }: TrackerCase): void {
  describe(`${name}, as a tracker`, () => {
    let tracker: Tracker;
    const step = (seq: number): TrackedFigures => ({
      seq,
      step: seq,
      at: at(seq),
      values: { 'train/loss': 1 / seq, 'train/learning_rate': 0.0003, 'eval/perplexity': 1 + 1 / seq },
    });
    beforeAll(async () => {
      tracker = await open();
    }, 60_000);
    afterAll(() => tracker.close());

    it('keeps parameters, figures by step, and the model at the end with its adapter', async () => {
      const run = trackedTestRun('ftjob-whole');
      const place = await tracker.begin(run, null, never);
      expect((await read(run, place)).state).toBe('running');
      await tracker.log(run, place, [step(1), step(2)], never);
      await tracker.log(run, place, [step(3)], never);
      const folder = mkdtempSync(join(tmpdir(), 'tracked-'));
      writeFileSync(join(folder, 'adapter_model.safetensors'), 'weights');
      const artifact = { folder, files: ['adapter_model.safetensors'] };
      await tracker.end(run, place, { state: 'succeeded', at: at(9), model: 'ft:tiny:default:lumen:1', artifact }, never);
      expect(await read(run, place)).toEqual({
        name: 'lumen',
        parameters: run.parameters,
        figures: {
          'train/loss': { 1: 1, 2: 1 / 2, 3: 1 / 3 },
          'train/learning_rate': { 1: 0.0003, 2: 0.0003, 3: 0.0003 },
          'eval/perplexity': { 1: 2, 2: 1.5, 3: 1 + 1 / 3 },
        },
        state: 'succeeded',
        model: 'ft:tiny:default:lumen:1',
        adapter: keepsFiles ? 'weights' : null,
      });
    });

    it('takes what it is told twice once, also after a restart of the platform that lost where the run is', async () => {
      const run = trackedTestRun('ftjob-twice');
      const place = await tracker.begin(run, null, never);
      await tracker.log(run, place, [step(1), step(2)], never);
      const next = await open();
      const found = await next.begin(run, null, never);
      expect(found).toEqual(place);
      expect(await next.begin(run, found, never)).toEqual(place);
      await next.log(run, found, [step(1), step(2), step(3)], never);
      const end = { state: 'cancelled', at: at(9), model: null, artifact: null } as const;
      await next.end(run, found, end, never);
      await next.end(run, found, end, never);
      await next.close();
      const kept = await read(run, found);
      expect(kept.figures['train/loss']).toEqual({ 1: 1, 2: 1 / 2, 3: 1 / 3 });
      expect(kept).toMatchObject({ state: 'cancelled', model: null, adapter: null });
    });
  });
}
