/** A row against the shape of its format; the first thing that is wrong is told with its path. */
import type { z } from 'zod';
import { requestProblem } from '#contract/openai/request-problem.ts';
import { RowRefused } from '../row-refused.ts';

export function parseRow<Shape extends z.ZodType>(shape: Shape, row: unknown): z.output<Shape> {
  const parsed = shape.safeParse(row);
  if (parsed.success) return parsed.data;
  throw new RowRefused(requestProblem(parsed.error, 'the row').message);
}

/** The value under the first of the names that the row has. */
export function firstOf(row: Record<string, unknown>, names: readonly string[]): unknown {
  const name = names.find((each) => row[each] !== undefined && row[each] !== null);
  return name === undefined ? undefined : row[name];
}

export const has = (row: Record<string, unknown>, ...names: string[]): boolean => names.every((name) => name in row);
