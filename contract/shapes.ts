/** Every shape of the contract that has a name, collected from the files of this room. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

/** The exported shapes by their `.meta({ id })`, in the order of their files. */
export async function contractShapes(): Promise<Map<string, z.ZodType>> {
  const shapes = new Map<string, z.ZodType>();
  const names = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.(test|types)\.ts$/.test(name) && !/^(generate|shapes)\.ts$/.test(name))
    .sort();
  for (const name of names) {
    const exports: Record<string, unknown> = await import(pathToFileURL(join(import.meta.dirname, name)).href);
    for (const value of Object.values(exports)) {
      const id = value instanceof z.ZodType ? value.meta()?.id : undefined;
      if (id !== undefined) shapes.set(id, value as z.ZodType);
    }
  }
  return shapes;
}
