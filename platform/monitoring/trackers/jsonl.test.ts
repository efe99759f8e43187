import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openDriver } from '#platform/core/driver.ts';
import type { TrackedPlace } from '../tracker.ts';
import { describeTracker, trackedTestRun, type KeptRun } from './conformance.ts';
import { trackers } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tracker-jsonl-'));
const open = () => openDriver(trackers, { driver: 'jsonl', folder });
const never = new AbortController().signal;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Line = { type: string; step: number; seq: number; at: string; name: string; parameters: Record<string, string> } & Partial<KeptRun> &
  Record<string, unknown>;
const linesOf = ({ file }: TrackedPlace): Line[] =>
  readFileSync(file as string, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

async function read(_run: unknown, place: TrackedPlace): Promise<KeptRun> {
  const lines = linesOf(place);
  const [run, end] = [lines[0]!, lines.find(({ type }) => type === 'end')];
  const figures: KeptRun['figures'] = {};
  for (const { type, seq: _seq, step, at: _at, ...values } of lines) {
    if (type === 'figures') for (const [name, value] of Object.entries(values)) (figures[name] ??= {})[step] = Number(value);
  }
  // Where the adapter lies is said; the file itself stays there.
  return {
    name: run['name'],
    parameters: run['parameters'],
    figures,
    state: end?.['state'] ?? 'running',
    model: end?.['model'] ?? null,
    adapter: null,
  };
}

describeTracker('jsonl', { open, read, keepsFiles: false });

it('goes on behind the last whole line of a file that a crash cut short', async () => {
  const tracker = await open();
  const run = trackedTestRun('ftjob-cut');
  const place = await tracker.begin(run, null, never);
  const figures = [1, 2, 3].map((seq) => ({ seq, step: seq, at: new Date(0), values: { 'train/loss': seq } }));
  await tracker.log(run, place, figures.slice(0, 2), never);
  appendFileSync(place['file'] as string, '{"type":"figures","seq":3,"st');
  await tracker.log(run, place, figures, never);
  expect(linesOf(place).map(({ type, seq }) => [type, seq])).toEqual([
    ['run', undefined],
    ['figures', 1],
    ['figures', 2],
    ['figures', 3],
  ]);
});
