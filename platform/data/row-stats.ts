/** What a version's rows come to, counted while they pass: sizes, turns, columns. */
import type { DataStats } from '#contract/datasets.ts';
import type { DataRow } from './data-row.ts';
import { HashColumn } from './row-hash.ts';
import { rowTurns, turnText } from './row-text.ts';

const mostColumns = 100;
const mostValues = 50;
const mostTurns = 10;

interface Column {
  rows: number;
  /** Null once there are too many to tell. */
  values: Map<string, number> | null;
}

export class RowStats {
  #invalid = 0;
  #characters = 0;
  #trained = 0;
  #withSystem = 0;
  #withTools = 0;
  readonly #lengths = new HashColumn();
  readonly #turns = new Map<number, number>();
  readonly #columns = new Map<string, Column>();

  add(row: DataRow): void {
    if (row.kind === 'invalid') {
      this.#invalid++;
      this.#lengths.push(row.raw.length);
      return;
    }
    const turns = rowTurns(row);
    const { characters, trained, answers } = row.kind === 'text' ? ofText(row.text) : ofTurns(turns);
    this.#characters += characters;
    this.#trained += trained;
    this.#lengths.push(characters);
    this.#turns.set(Math.min(answers, mostTurns), (this.#turns.get(Math.min(answers, mostTurns)) ?? 0) + 1);
    if (turns.some(({ role }) => role === 'system' || role === 'developer')) this.#withSystem++;
    if (row.tools?.length) this.#withTools++;
    for (const [name, value] of Object.entries(row.more)) this.#addColumn(name, value);
  }

  #addColumn(name: string, value: unknown): void {
    const column = this.#columns.get(name) ?? { rows: 0, values: new Map<string, number>() };
    if (!this.#columns.has(name)) {
      if (this.#columns.size === mostColumns) return;
      this.#columns.set(name, column);
    }
    column.rows++;
    if (column.values === null) return;
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    if (text.length > 100) column.values = null;
    else {
      column.values.set(text, (column.values.get(text) ?? 0) + 1);
      if (column.values.size > mostValues) column.values = null;
    }
  }

  result(): DataStats {
    return {
      rows: this.#lengths.length,
      invalid_rows: this.#invalid,
      characters: this.#characters,
      trained_characters: this.#trained,
      row_characters: lengthsOf(this.#lengths),
      turns: [...this.#turns].toSorted(([left], [right]) => left - right).map(([turns, rows]) => ({ turns, rows })),
      with_system: this.#withSystem,
      with_tools: this.#withTools,
      columns: [...this.#columns].map(([name, { rows, values }]) => ({
        name,
        rows,
        values: values && [...values].toSorted(([, left], [, right]) => right - left).map(([value, count]) => ({ value, rows: count })),
      })),
    };
  }
}

const ofText = (text: string) => ({ characters: text.length, trained: text.length, answers: 1 });

function ofTurns(turns: ReturnType<typeof rowTurns>) {
  let [characters, trained, answers] = [0, 0, 0];
  for (const turn of turns) {
    const { length } = turnText(turn);
    characters += length;
    if (turn.role !== 'assistant') continue;
    answers++;
    if (turn.weight !== 0) trained += length;
  }
  return { characters, trained, answers };
}

/** Null for no rows at all. */
export function lengthsOf(column: HashColumn): DataStats['row_characters'] {
  const { length } = column;
  if (length === 0) return null;
  const sorted = column.sorted();
  const at = (share: number): number => sorted[Math.min(length - 1, Math.floor(share * length))]!;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / length;
  return { min: sorted[0]!, mean: Math.round(mean * 10) / 10, p50: at(0.5), p95: at(0.95), max: sorted[length - 1]! };
}
