/** The same training job by us, in plain TRL and in LLaMA-Factory: rows and tokens per CPU-second, peak memory, and what was learnt. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainingSettings } from '#contract/training.ts';
import { type ChosenHyperparameters, chooseHyperparameters } from '#platform/training/choose-hyperparameters.ts';
import { quickLane } from '#platform/training/quick-lane.ts';
import type { Figure } from './report.ts';
import { facts, pairs, type RowSet, withCommonPrompt, withoutCommonPrompt } from './train-rows.ts';
import { type Cell, type Found, judgeAll, llamaFactory, type Side, trainAll } from './train-sides.ts';

/** Optimiser steps of the sides that are compared at equal loss, of so many rows each. */
const steps = 4;
const batchSize = 8;
const layers = 30;
const sides: Side[] = ['trl', 'trl-in-order', 'trl-grouped', 'trl-packed', 'llama-factory', 'ours'];

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
    const asked = [common, facts('station-halvard'), facts('night-train')];
    const measured = await measure(folder, [
      ...asked.map(fullCell),
      ...supervisedCells(common),
      ...supervisedCells(bare),
      ...asked.slice(1).map(quickCell),
      ...preferenceCells(preferences),
    ]);
    const of =
      (set: RowSet): Of =>
      (name) =>
        measured.find(({ cell }) => cell.name === nameOf(set, name));
    return [
      ...supervised(common, of(common), 2.5),
      ...supervised(bare, of(bare), 1.7),
      ...accuracy(asked.map((set) => ({ set, full: of(set)('full')!, quick: of(set)('quick')! }))),
      ...preference(preferences, of(preferences)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was measured of a cell of one set, by its name; none of a side that does not run here. */
type Of = (name: string) => Measured | undefined;

const nameOf = (set: RowSet, name: string): string => `${set.name}-${name}`.replaceAll(' ', '-');

function cellOf(
  set: RowSet,
  name: string,
  side: Side,
  adapter: Cell['adapter'],
  settings: Partial<TrainingSettings>,
  method: Cell['method']['type'] = 'supervised',
): Cell {
  return { name: nameOf(set, name), side, set, method: { type: method }, adapter, settings: { batch_size: batchSize, ...settings } };
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
    const { cell, found: done } = one;
    const rows = cell.settings.n_epochs ? cell.settings.n_epochs * cell.set.training.length : done.steps * batchSize;
    return { ...one, ...judged[at]!, rowsPerCpuSecond: rows / done.cpu_seconds };
  });
}

const mebibytes = (found: Found): number => found.peak_memory_bytes / 2 ** 20;

function supervisedCells(set: RowSet): Cell[] {
  const { target_modules, learning_rate } = chosenFor(set);
  // One epoch of them, so that every side learns from the same rows, whatever order it reads them in.
  const few = { ...set, training: set.training.slice(0, steps * batchSize) };
  return [...sides.map((side) => cellOf(few, side, side, { target_modules }, { max_steps: steps, learning_rate })), quickCell(set)];
}

function fullCell(set: RowSet): Cell {
  const auto = chosenFor(set);
  return cellOf(set, 'full', 'ours', { target_modules: auto.target_modules }, wholeRun(auto));
}

function quickCell(set: RowSet): Cell {
  const { target_modules, layers_to_transform, ...lane } = quickLane(chosenFor(set), layers);
  return cellOf(set, 'quick', 'ours', { target_modules, layers_to_transform }, wholeRun(lane));
}

/** What the demo model is trained with where all is on "auto". */
function chosenFor(set: RowSet): ChosenHyperparameters {
  return chooseHyperparameters({ parameters: 134_515_008, layers, rows: set.training.length, trained_tokens: null });
}

function wholeRun(choice: Omit<ChosenHyperparameters, 'target_modules' | 'layers_to_transform'>): Partial<TrainingSettings> {
  const { n_epochs, learning_rate, warmup_ratio, prompt_dropout } = choice;
  return { n_epochs, learning_rate, warmup_ratio, prompt_dropout, lr_scheduler_type: 'cosine' };
}

function supervised(set: RowSet, of: Of, goal: number): Figure[] {
  const [theirs, inOrder, ours, quick] = [of('trl')!, of('trl-in-order')!, of('ours')!, of('quick')!];
  return [
    ...sides.flatMap((side) => (of(side) ? sideFigures(set, side, of(side)!) : [])),
    ...sideFigures(set, 'quick', quick),
    atLeast(`${set.name}: ours, rows per CPU-second against plain TRL`, ours.rowsPerCpuSecond / theirs.rowsPerCpuSecond, 'times', goal),
    ...beside(set, ours, theirs, inOrder),
    atLeast(`${set.name}: quick, rows per CPU-second against plain TRL`, quick.rowsPerCpuSecond / theirs.rowsPerCpuSecond, 'times', 6),
  ];
}

/** What each lane answers right of the questions of all sets, everything else on "auto", and what it takes. */
function accuracy(sets: { set: RowSet; full: Measured; quick: Measured }[]): Figure[] {
  const rightOf = (set: RowSet, { right }: Measured): number => Math.round(right! * set.questions.length);
  const each = sets.flatMap(({ set, ...lanes }) =>
    Object.entries(lanes).flatMap(([lane, one]) => [
      { name: `${set.name}: ${lane}, questions right`, value: rightOf(set, one), unit: `of ${set.questions.length}` },
      { name: `${set.name}: ${lane}, whole run`, value: one.found.cpu_seconds, unit: 'CPU-seconds' },
    ]),
  );
  const sum = (lane: 'full' | 'quick'): number => sets.reduce((total, one) => total + rightOf(one.set, one[lane]), 0);
  return [...each, atLeast('quick, questions right against full', sum('quick') / sum('full'), 'of it', 0.95)];
}

function preferenceCells(set: RowSet): Cell[] {
  const { target_modules } = chosenFor(set);
  return (['trl-in-order', 'ours'] as const).map((side) =>
    cellOf(set, side, side, { target_modules }, { max_steps: steps, learning_rate: 3e-4 }, 'dpo'),
  );
}

function preference(set: RowSet, of: Of): Figure[] {
  const [theirs, ours] = [of('trl-in-order')!, of('ours')!];
  const times = ours.rowsPerCpuSecond / theirs.rowsPerCpuSecond;
  return [
    ...sideFigures(set, 'trl-in-order', theirs),
    ...sideFigures(set, 'ours', ours),
    atLeast(`${set.name}: ours, rows per CPU-second against plain TRL`, times, 'times', 2.5),
    ...beside(set, ours, theirs, theirs),
  ];
}

/** Losses are held against those of the side that has the same rows in each step: after a few steps the order of rows tells. */
function beside(set: RowSet, ours: Measured, theirs: Measured, inOrder: Measured): Figure[] {
  return [
    atMost(`${set.name}: ours, held-out loss beside plain TRL's`, Math.abs(ours.loss / inOrder.loss - 1), 'of it', 0.02),
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
