/** Turns the JSON Schema of the contract's shapes into the source of pydantic models, one class a shape. */

/** The part of JSON Schema that zod writes for the shapes the worker reads. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  const?: string | number;
  enum?: (string | number)[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  additionalProperties?: boolean | JsonSchema;
  [keyword: string]: unknown;
}

const scalarTypes: Record<string, string> = { string: 'str', integer: 'int', number: 'float', boolean: 'bool', null: 'None' };

/** JSON Schema keyword → argument of pydantic's Field. */
const bounds: Record<string, string> = {
  minimum: 'ge',
  maximum: 'le',
  exclusiveMinimum: 'gt',
  exclusiveMaximum: 'lt',
  minLength: 'min_length',
  maxLength: 'max_length',
  minItems: 'min_length',
  maxItems: 'max_length',
};

const header = `"""The contract as pydantic models: what platform and worker say to each other.

Generated from contract/ by \`npm run contract\`; a change is made there, not here.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """A shape of the contract: no unknown key, no silent conversion, no NaN or Infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)
`;

/** Python source with a model of each root shape, and of all that they are made of, in the order they need one another. */
export function pythonModels(schemas: Record<string, JsonSchema>, roots: readonly string[]): string {
  const written = new Map<string, string>();
  const write = (id: string): void => {
    if (written.has(id)) return;
    const schema = schemas[id];
    if (!schema) throw new Error(`no shape of the contract is called ${id}`);
    for (const needed of referencesOf(schema)) write(needed);
    written.set(id, definition(id, schema));
  };
  for (const root of roots) write(root);
  return [header, ...written.values()].join('\n\n');
}

function referencesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' ? [referenceName(inner as string)] : referencesOf(inner)));
}

const referenceName = (ref: string): string => ref.split('/').at(-1)!;

/** A class for an object, an annotated union for a union, a plain alias for anything else. */
function definition(id: string, schema: JsonSchema): string {
  if (schema.properties) return classSource(id, schema);
  if (!schema.oneOf) return `${id} = ${typeSource(schema, id)}\n`;
  const members = schema.oneOf.map((member) => memberOf(id, member));
  const classes = members.flatMap((member) => (member.source ? [`${member.source}\n\n`] : []));
  const names = members.map((member) => member.name);
  if (names.length === 1) return `${classes.join('')}${id} = ${names[0]}\n`;
  const union = `${id} = Annotated[\n    ${names.join('\n    | ')},\n    Field(discriminator="${discriminatorOf(schema.oneOf)}"),\n]\n`;
  return classes.join('') + union;
}

/** A member of a union: a shape of its own, or one named by its discriminator, as `run-step` of WorkerEvent is RunStepEvent. */
function memberOf(union: string, member: JsonSchema): { name: string; source?: string } {
  if (member.$ref) return { name: referenceName(member.$ref) };
  const tag = String(Object.values(member.properties ?? {}).find((field) => field.const !== undefined)?.const);
  const name = pascalCase(tag) + union.match(/[A-Z][a-z]+$/)![0];
  return { name, source: classSource(name, member) };
}

function discriminatorOf(members: JsonSchema[]): string {
  const tagged = members.find((member) => member.properties)?.properties ?? {};
  return Object.keys(tagged).find((name) => tagged[name]!.const !== undefined) ?? 'type';
}

const pascalCase = (tag: string): string => tag.replace(/(?:^|[-_])(\w)/g, (_, letter: string) => letter.toUpperCase());

function classSource(name: string, schema: JsonSchema): string {
  const fields = Object.entries(schema.properties!).flatMap(([key, field]) => [
    ...(field.description ? [`    # ${field.description}`] : []),
    `    ${key}: ${typeSource(field, `${name}.${key}`)}`,
  ]);
  const docstring = schema.description ? [`    """${schema.description}"""`, ''] : [];
  return [`class ${name}(Shape):`, ...docstring, ...fields, ''].join('\n');
}

/** The Python type of a schema. An object within an object must have a name of its own, so that Python has one too. */
function typeSource(schema: JsonSchema, where: string): string {
  if (schema.$ref) return referenceName(schema.$ref);
  if (schema.const !== undefined) return `Literal[${JSON.stringify(schema.const)}]`;
  if (schema.enum) return `Literal[${schema.enum.map((value) => JSON.stringify(value)).join(', ')}]`;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((choice) => typeSource(choice, where)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeSource({ ...schema, type }, where)).join(' | ');
  if (schema.type === 'array') return bounded(`list[${typeSource(schema.items!, where)}]`, schema);
  if (schema.properties) throw new Error(`${where} is an object without a name: give its shape .meta({ id })`);
  if (schema.type === 'object' && isAnything(schema.additionalProperties)) return 'dict[str, Any]';
  if (schema.type === 'object') return `dict[str, ${typeSource(schema.additionalProperties as JsonSchema, where)}]`;
  const scalar = scalarTypes[schema.type ?? ''];
  if (!scalar) throw new Error(`${where}: no Python type for ${JSON.stringify(schema)}`);
  return bounded(scalar, schema);
}

const isAnything = (schema: JsonSchema | boolean | undefined): boolean => typeof schema === 'object' && Object.keys(schema).length === 0;

function bounded(type: string, schema: JsonSchema): string {
  if (type === 'None' || type === 'bool') return type;
  const limits = Object.entries(bounds).flatMap(([keyword, name]) => (keyword in schema ? [`${name}=${String(schema[keyword])}`] : []));
  return limits.length > 0 ? `Annotated[${type}, Field(${limits.join(', ')})]` : type;
}
