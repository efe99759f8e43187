/** A file of JSON lines for each run, `<folder>/<run id>.jsonl`: what the run is, its figures by step, and its end. */
import { appendFile, mkdir, open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { defineDriver } from '#platform/core/driver.ts';
import type { TrackedEnd, TrackedFigures, TrackedPlace, TrackedRun, Tracker } from '../tracker.ts';

export const driver = defineDriver({
  options: z.object({ folder: z.string() }),
  open: async ({ folder }): Promise<Tracker> => new JsonlTracker(folder),
});

class JsonlTracker implements Tracker {
  readonly name = 'jsonl';
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async begin({ id, name, startedAt, parameters, tags }: TrackedRun): Promise<TrackedPlace> {
    await mkdir(this.#folder, { recursive: true });
    const file = join(this.#folder, `${id}.jsonl`);
    if ((await lastLine(file)) === null) await append(file, [{ type: 'run', id, name, started_at: startedAt, parameters, tags }]);
    return { file };
  }

  async log(_run: TrackedRun, place: TrackedPlace, figures: TrackedFigures[]): Promise<void> {
    const { file } = Place.parse(place);
    const last = await lastLine(file);
    const fresh = figures.filter(({ seq }) => seq > (last?.seq ?? 0));
    await append(
      file,
      fresh.map(({ values, ...figure }) => ({ type: 'figures', ...figure, ...values })),
    );
  }

  async end(_run: TrackedRun, place: TrackedPlace, { state, at, model, artifact }: TrackedEnd): Promise<void> {
    const { file } = Place.parse(place);
    if ((await lastLine(file))?.type !== 'end') await append(file, [{ type: 'end', state, at, model, adapter: artifact?.folder ?? null }]);
  }

  async close(): Promise<void> {}
}

const Place = z.object({ file: z.string() });
const Line = z.looseObject({ type: z.string(), seq: z.int().optional() });

/** The last line of a file; null when it has none. What a crash left of one more line is cut off. */
async function lastLine(file: string): Promise<z.infer<typeof Line> | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
  const line = whole.trimEnd().split('\n').at(-1)!;
  return line === '' ? null : Line.parse(JSON.parse(line));
}

/** Lines that are on the disk when this returns. */
async function append(file: string, lines: object[]): Promise<void> {
  if (lines.length === 0) return;
  await appendFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await using written = await open(file, 'r');
  await written.sync();
}
