/**
 * Writes what is derived from the contract: `contract/schema.json` and the worker's pydantic models in `worker/contract.py`.
 * With --check it writes nothing, and fails with the names of the files that are stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { pythonModels, type JsonSchema } from './python-models.ts';
import { contractShapes } from './shapes.ts';

const root = join(import.meta.dirname, '..');

/** What the worker reads and writes; all that these are made of follows them. */
const workerShapes = [
  'TrainingJob',
  'WorkerCommand',
  'WorkerControl',
  'WorkerProbes',
  'ProbeAnswer',
  'ProbeDelta',
  'WorkerExit',
  'WorkerEvent',
  'ArtifactManifest',
  'ScoreTask',
  'ScoreResult',
  'ExportTask',
  'ExportProgress',
  'ExportManifest',
  'ServingCommand',
  'ServingAnswer',
] as const;

/**
 * The JSON Schema of every named shape. A request is described as a client may send it, all else as it stands on the wire,
 * defaults filled in.
 */
function jsonSchemas(shapes: Map<string, z.ZodType>): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, shape] of shapes) registry.add(shape, { id });
  const write = (io: 'input' | 'output') =>
    z.toJSONSchema(registry, { io, uri: (id) => `#/$defs/${id}`, unrepresentable: 'any', override: dropSafeIntegers }).schemas;
  const received = write('input');
  return Object.fromEntries(
    Object.entries(write('output')).map(([id, written]) => {
      const { $schema: _, $id: __, ...schema } = id.endsWith('Request') ? received[id]! : written;
      return [id, schema as JsonSchema];
    }),
  );
}

/** zod bounds every integer by what a double can hold; as limits of a field those say nothing. */
function dropSafeIntegers({ jsonSchema }: { jsonSchema: { minimum?: number; maximum?: number } }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

const schemas = jsonSchemas(await contractShapes());
const document = { $schema: 'https://json-schema.org/draft/2020-12/schema', $defs: schemas };
const files = {
  'contract/schema.json': `${JSON.stringify(document, null, 2)}\n`,
  'worker/contract.py': pythonModels(schemas, workerShapes),
};

for (const [name, text] of Object.entries(files)) {
  const path = join(root, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (process.argv.includes('--check')) {
    console.error(`${relative(process.cwd(), path)} is stale: run "npm run contract"`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  }
}
