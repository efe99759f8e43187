/** Datasets: rows a CPU-second and peak memory of an import, at ten thousand rows and at a million, and of all checks. */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { Figure } from './report.ts';

interface Measured {
  rows: number;
  bytes: number;
  /** Peak resident bytes of the process: with its database open, after the import, after the checks. */
  before: number;
  importSeconds: number;
  afterImport: number;
  /** Null where rows were imported only. */
  checkSeconds: number | null;
  afterCheck: number;
}

/** An import takes no more than this beyond what the process had, however many rows there are. */
const mostImportMegabytes = 160;

export async function run(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tuneloop-bench-data-'));
  try {
    const small = await measure(folder, 10_000, true);
    const middle = await measure(folder, 100_000, true);
    const large = await measure(folder, 1_000_000, false);
    const growth = (one: Measured): number => (one.afterImport - one.before) / 1e6;
    return [
      ...figuresOf('10,000 rows', small),
      ...figuresOf('100,000 rows', middle),
      ...figuresOf('1,000,000 rows', large),
      {
        name: 'import of 1,000,000 rows, memory beyond the open database',
        value: growth(large),
        unit: 'MB',
        goal: `<= ${mostImportMegabytes}`,
        holds: growth(large) <= mostImportMegabytes,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function figuresOf(name: string, { rows, bytes, before, importSeconds, afterImport, checkSeconds, afterCheck }: Measured): Figure[] {
  const figures: Figure[] = [
    { name: `${name}, as stored`, value: bytes / 1e6, unit: 'MB' },
    { name: `${name}, import`, value: rows / importSeconds, unit: 'rows/CPU-s' },
    { name: `${name}, peak memory with the database open`, value: before / 1e6, unit: 'MB' },
    { name: `${name}, peak memory after the import`, value: afterImport / 1e6, unit: 'MB' },
  ];
  if (checkSeconds === null) return figures;
  return [
    ...figures,
    { name: `${name}, all checks but those of tokens`, value: rows / checkSeconds, unit: 'rows/CPU-s' },
    { name: `${name}, peak memory after the checks`, value: afterCheck / 1e6, unit: 'MB' },
  ];
}

/** In a process of its own, on a data folder of its own. */
async function measure(folder: string, rows: number, withChecks: boolean): Promise<Measured> {
  const file = join(folder, `rows-${rows}.jsonl`);
  await writeRows(file, rows);
  const output = execFileSync(
    process.execPath,
    [join(import.meta.dirname, 'data-import.ts'), join(folder, `data-${rows}`), file, ...(withChecks ? ['check'] : [])],
    {
      encoding: 'utf8',
    },
  );
  rmSync(file);
  return JSON.parse(output.trim().split('\n').at(-1)!) as Measured;
}

const nouns = 'lamp chair kettle tent guitar bicycle camera blanket teapot radio mirror ladder drill violin hammock canoe'.split(' ');
const verbs = 'repair clean return assemble store sell paint rent insure lend'.split(' ');

/** Alpaca rows of about 60 words, each of its own, from a fixed generator. */
async function writeRows(path: string, rows: number): Promise<void> {
  const file = createWriteStream(path);
  let state = 1;
  const pick = (list: readonly string[]): string => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return list[(state >>> 8) % list.length]!;
  };
  for (let row = 0; row < rows; row++) {
    const words = Array.from({ length: 40 }, () => `${pick(nouns)}${state % 97}`);
    const line = {
      instruction: `How does one ${pick(verbs)} a ${pick(nouns)} numbered ${row}?`,
      input: '',
      output: `${words.join(' ')}.`,
      topic: pick(verbs),
    };
    if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}
