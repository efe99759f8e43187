/** The example files: one a shape, a list of values each, parsed here and by the worker's tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { contractShapes } from './shapes.ts';

const folder = join(import.meta.dirname, 'examples');
const shapes = await contractShapes();
const examplesOf = (id: string): unknown[] => JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8')) as unknown[];

it('has an example file for every shape, and none for a shape that is gone', () => {
  const files = readdirSync(folder).map((name) => name.replace(/\.json$/, ''));
  expect(files.sort()).toEqual([...shapes.keys()].sort());
});

describe.each([...shapes])('%s', (id, shape) => {
  it('accepts its examples and, unless a request is completed with defaults, gives them back unchanged', () => {
    const examples = examplesOf(id);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const parsed = shape.parse(example);
      if (!id.endsWith('Request')) expect(parsed).toEqual(example);
    }
  });

  it('shows every variant', () => {
    if (!(shape instanceof z.ZodUnion)) return;
    const examples = examplesOf(id);
    const unseen = shape.options.filter((variant) => !examples.some((example) => z.safeParse(variant, example).success));
    // A variant that is refused on purpose, such as an image part, has no example that parses.
    const refused = unseen.filter((variant) => (variant as z.ZodType).def.checks?.length);
    expect(unseen).toEqual(refused);
  });
});
