/** The smallest value that satisfies a JSON Schema, of the kind that can be enforced while generating. */

type Schema = Record<string, unknown>;

const formatted: Record<string, string> = {
  date: '2024-07-26',
  time: '00:00:00Z',
  'date-time': '2024-07-26T00:00:00Z',
  uuid: '00000000-0000-4000-8000-000000000000',
};

export function sampleJson(schema: unknown, root: Schema): unknown {
  if (typeof schema !== 'object' || schema === null) return {};
  const node = schema as Schema;
  if ('const' in node) return node['const'];
  if (Array.isArray(node['enum'])) return node['enum'][0];
  if (typeof node['$ref'] === 'string') return sampleJson(resolve(node['$ref'], root), root);
  const either = (node['anyOf'] ?? node['oneOf']) as unknown[] | undefined;
  if (either) return sampleJson(either.find((option) => !refersToItself(option)) ?? either[0], root);
  return ofType(Array.isArray(node['type']) ? node['type'][0] : node['type'], node, root);
}

function ofType(type: unknown, node: Schema, root: Schema): unknown {
  if (type === 'array' || (type === undefined && 'items' in node)) {
    return Array.from({ length: Number(node['minItems'] ?? 0) }, () => sampleJson(node['items'] ?? {}, root));
  }
  if (type === 'string') return formatted[String(node['format'])] ?? 'x'.repeat(Number(node['minLength'] ?? 0));
  if (type === 'number' || type === 'integer') return 0;
  if (type === 'boolean') return false;
  if (type === 'null') return null;
  const properties = (node['properties'] ?? {}) as Schema;
  const required = (node['required'] ?? []) as string[];
  return Object.fromEntries(required.map((key) => [key, sampleJson(properties[key], root)]));
}

function refersToItself(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && '$ref' in schema;
}

function resolve(reference: string, root: Schema): unknown {
  const steps = reference
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.reduce<unknown>((node, step) => (node as Schema)[step], root);
}
