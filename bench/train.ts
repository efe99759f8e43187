/** The same training job by us, in plain TRL and in LLaMA-Factory: rows and tokens per CPU-second, peak memory, and what was learnt. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainingSettings } from '#contract/training.ts';
import { chooseHyperparameters } from '#platform/training/choose-hyperparameters.ts';
import { quickLane } from '#platform/training/quick-lane.ts';
import type { Figure } from './report.ts';
import { pairs, type RowSet, withCommonPrompt, withoutCommonPrompt } from './train-rows.ts';
import { type Cell, type Found, judgeAll, llamaFactory, type Side, trainAll } from './train-sides.ts';

/** Optimiser steps of the sides that are compared at equal loss, of so many rows each. */
const steps = 4;
const batchSize = 8;
const epochs = 5;
/** What the demo model is trained with where all is on "auto", but for prompt dropout, which theirs do not have. */
const auto = chooseHyperparameters({ parameters: 134_515_008, layers: 30, rows: 100, trained_tokens: null });
const { target_modules, learning_rate } = auto;
const sides: Side[] = ['trl', 'trl-grouped', 'trl-packed', 'llama-factory', 'ours'];

interface Measured {
  cell: Cell;
  found: Found;
  tokens_a_row: number;
  loss: number;
  right: number | null;
  rowsPerCpuSecond: number;
}

export async function run(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tuneloop-bench-train-'));
  try {
    const [common, bare, preferences] = [withCommonPrompt(), withoutCommonPrompt(), pairs()];
    const measured = await measure(folder, [...supervisedCells(common), ...supervisedCells(bare), ...preferenceCells(preferences)]);
    const of = (set: RowSet): Measured[] => measured.filter(({ cell }) => cell.set.name === set.name);
    return [...supervised(common, of(common)), ...supervised(bare, of(bare)), ...preference(preferences, of(preferences))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const nameOf = (set: RowSet, name: string): string => `${set.name}-${name}`.replaceAll(' ', '-');

function cellOf(set: RowSet, name: string, side: Side, settings: Partial<TrainingSettings>, method: Cell['method']['type']): Cell {
  return {
    name: nameOf(set, name),
    side,
    set,
    method: { type: method },
    adapter: { target_modules },
    settings: { learning_rate, batch_size: batchSize, ...settings },
  };
}

async function measure(folder: string, cells: Cell[]): Promise<Measured[]> {
  const [theirs, others] = [cells.filter(({ side }) => side === 'llama-factory'), cells.filter(({ side }) => side !== 'llama-factory')];
  const found = await trainAll(folder, others);
  const trained = others.map((cell, at) => ({ cell, found: found[at]! }));
  for (const cell of theirs) {
    const one = await llamaFactory(folder, cell);
    if (one) trained.push({ cell, found: one });
  }
  const judged = await judgeAll(folder, trained);
  return trained.map((one, at) => {
    const {
      cell,
      found: { steps: taken, cpu_seconds },
    } = one;
    const rows = cell.settings.max_steps ? taken * batchSize : epochs * cell.set.training.length;
    return { ...one, ...judged[at]!, rowsPerCpuSecond: rows / cpu_seconds };
  });
}

const mebibytes = (found: Found): number => found.peak_memory_bytes / 2 ** 20;

function supervisedCells(set: RowSet): Cell[] {
  // One epoch of them, so that every side learns from the same rows, whatever order it reads them in.
  const few = { ...set, training: set.training.slice(0, steps * batchSize) };
  const brief = sides.map((side) => cellOf(few, side, side, { max_steps: steps }, 'supervised'));
  const full = cellOf(set, 'full', 'ours', { n_epochs: epochs }, 'supervised');
  const lane = quickLane(auto, 30);
  const quick: Cell = {
    ...cellOf(set, 'quick', 'ours', { n_epochs: epochs, learning_rate: lane.learning_rate }, 'supervised'),
    adapter: { target_modules, layers_to_transform: lane.layers_to_transform },
  };
  return [...(set.questions.length > 0 ? [full] : []), ...brief, quick];
}

function supervised(set: RowSet, measured: Measured[]): Figure[] {
  const of = (name: string): Measured | undefined => measured.find(({ cell }) => cell.name === nameOf(set, name));
  const [theirs, ours, quick, full] = [of('trl')!, of('ours')!, of('quick')!, of('full')];
  const goal = full ? 2.5 : 1.7;
  return [
    ...sides.flatMap((side) => (of(side) ? sideFigures(set, side, of(side)!) : [])),
    ...sideFigures(set, 'quick', quick),
    atLeast(`${set.name}: ours, rows per CPU-second against plain TRL`, ours.rowsPerCpuSecond / theirs.rowsPerCpuSecond, 'times', goal),
    ...beside(set, ours, theirs),
    atLeast(`${set.name}: quick, rows per CPU-second against plain TRL`, quick.rowsPerCpuSecond / theirs.rowsPerCpuSecond, 'times', 6),
    ...(full ? accuracy(set, full, quick) : []),
  ];
}

function accuracy(set: RowSet, full: Measured, quick: Measured): Figure[] {
  const share = (name: string, { right }: Measured): Figure => ({
    name: `${set.name}: ${name}, questions right`,
    value: right!,
    unit: 'share',
  });
  const kept = quick.right! / full.right!;
  return [share('full', full), share('quick', quick), atLeast(`${set.name}: quick, questions right against full`, kept, 'of it', 0.95)];
}

function preferenceCells(set: RowSet): Cell[] {
  return (['trl', 'ours'] as const).map((side) => cellOf(set, side, side, { max_steps: steps, learning_rate: 3e-4 }, 'dpo'));
}

function preference(set: RowSet, [theirs, ours]: Measured[]): Figure[] {
  const times = ours!.rowsPerCpuSecond / theirs!.rowsPerCpuSecond;
  return [
    ...sideFigures(set, 'trl', theirs!),
    ...sideFigures(set, 'ours', ours!),
    atLeast(`${set.name}: ours, rows per CPU-second against plain TRL`, times, 'times', 2.5),
    ...beside(set, ours!, theirs!),
  ];
}

function beside(set: RowSet, ours: Measured, theirs: Measured): Figure[] {
  return [
    atMost(`${set.name}: ours, held-out loss beside plain TRL's`, Math.abs(ours.loss / theirs.loss - 1), 'of it', 0.02),
    atMost(`${set.name}: ours, peak memory`, ours.found.peak_memory_bytes / theirs.found.peak_memory_bytes, 'of plain TRL', 1),
  ];
}

function sideFigures(set: RowSet, side: string, { found, loss, tokens_a_row, rowsPerCpuSecond }: Measured): Figure[] {
  const name = `${set.name}: ${side}`;
  return [
    { name: `${name}, rows`, value: rowsPerCpuSecond, unit: 'per CPU-second' },
    { name: `${name}, tokens`, value: rowsPerCpuSecond * tokens_a_row, unit: 'per CPU-second' },
    { name: `${name}, peak memory`, value: mebibytes(found), unit: 'MiB' },
    { name: `${name}, held-out loss`, value: loss, unit: 'nats' },
  ];
}

function atLeast(name: string, value: number, unit: string, goal: number): Figure {
  return { name, value, unit, goal: `>= ${goal}`, holds: value >= goal };
}

function atMost(name: string, value: number, unit: string, goal: number): Figure {
  return { name, value, unit, goal: `<= ${goal}`, holds: value <= goal };
}
