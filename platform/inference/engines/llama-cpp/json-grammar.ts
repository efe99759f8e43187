/** JSON Schema → GBNF, llama.cpp's grammar: every text it allows satisfies the schema, and what it cannot promise is refused. */
import { PlatformError } from '#platform/core/errors.ts';
import { objectBody } from './json-grammar-object.ts';
import { character, formats, primitives, space } from './json-grammar-rules.ts';

type Schema = Record<string, unknown>;

/** Keywords that say nothing about which values are valid. */
const annotations = new Set([
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
]);

/** What each kind of schema may say beside the annotations. Everything else is refused by name. */
const keywords = {
  object: ['type', 'properties', 'required', 'additionalProperties'],
  array: ['type', 'items', 'minItems', 'maxItems'],
  string: ['type', 'minLength', 'maxLength', 'format'],
  number: ['type'],
  integer: ['type'],
  boolean: ['type'],
  null: ['type'],
} as const;
type TypeName = keyof typeof keywords;

/** llama.cpp refuses longer repetitions; nested ones would explode. */
const maxRepetition = 2000;

/** The grammar of any JSON object. */
export function jsonObjectGrammar(): string {
  return new GrammarBuilder({}).finish('object');
}

/** Throws `unsupported_value` with the place and keyword at fault. */
export function jsonSchemaGrammar(schema: Schema): string {
  const builder = new GrammarBuilder(schema);
  return builder.finish(builder.visit(schema, '#'));
}

function refuse(path: string, found: string): never {
  throw new PlatformError(
    'unsupported_value',
    `response_format.json_schema, at ${path}: ${found}. It cannot be enforced exactly while generating; leave it out and check it afterwards`,
    { param: 'response_format' },
  );
}

class GrammarBuilder {
  readonly #root: Schema;
  readonly #rules = new Map<string, string>();
  readonly #references = new Map<string, string>();

  constructor(root: Schema) {
    this.#root = root;
  }

  finish(rootName: string): string {
    const rules = [`root ::= ${rootName}`];
    for (const [name, body] of this.#rules) rules.push(`${name} ::= ${body}`);
    for (const [name, body] of Object.entries(primitives)) rules.push(`${name} ::= ${body}`);
    return [...rules, space, character].join('\n');
  }

  /** The name of a rule for this schema. */
  visit(schema: unknown, path: string): string {
    if (schema === true) return 'value';
    if (schema === false || typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      return refuse(path, 'a schema must be an object or true');
    }
    const node = schema as Schema;
    const said = Object.keys(node).filter((keyword) => !annotations.has(keyword));
    if (said.length === 0) return 'value';
    if ('$ref' in node) return this.#alone(said, ['$ref'], path) && this.#reference(node['$ref'], path);
    if ('anyOf' in node) return this.#alone(said, ['anyOf'], path) && this.#alternatives(node['anyOf'], `${path}/anyOf`);
    if ('oneOf' in node) return this.#alone(said, ['oneOf'], path) && this.#oneOf(node['oneOf'], `${path}/oneOf`);
    if ('const' in node) return this.#alone(said, ['const', 'type'], path) && this.#literals([node['const']], node['type'], path);
    if ('enum' in node) return this.#alone(said, ['enum', 'type'], path) && this.#literals(node['enum'], node['type'], path);
    return this.#types(node, said, path);
  }

  /** Makes a rule and gives its name. */
  rule(body: string): string {
    const name = `r${this.#rules.size}`;
    this.#rules.set(name, body);
    return name;
  }

  #alone(said: string[], allowed: readonly string[], path: string): true {
    const extra = said.find((keyword) => !allowed.includes(keyword));
    if (extra !== undefined) refuse(path, `"${extra}" beside ${allowed.map((keyword) => `"${keyword}"`).join(', ')} is not supported`);
    return true;
  }

  #reference(target: unknown, path: string): string {
    if (typeof target !== 'string' || !/^#(\/|$)/.test(target))
      return refuse(path, `"$ref": ${JSON.stringify(target)} points outside the schema`);
    const known = this.#references.get(target);
    if (known !== undefined) return known;
    let found: unknown = this.#root;
    for (const step of target.split('/').slice(1)) {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      found = typeof found === 'object' && found !== null && Object.hasOwn(found, key) ? (found as Schema)[key] : undefined;
    }
    if (found === undefined) return refuse(path, `"$ref": ${JSON.stringify(target)} points to nothing`);
    // Named before its body is known, so that a schema may contain itself.
    const name = this.rule('');
    this.#references.set(target, name);
    this.#rules.set(name, this.visit(found, target));
    return name;
  }

  #alternatives(list: unknown, path: string): string {
    if (!Array.isArray(list) || list.length === 0) return refuse(path, 'a list of at least one schema is needed');
    return this.rule(list.map((entry, index) => this.visit(entry, `${path}/${index}`)).join(' | '));
  }

  /** Exactly one may hold: certain only where no value can satisfy two of them. */
  #oneOf(list: unknown, path: string): string {
    if (Array.isArray(list) && !areDisjoint(list as Schema[])) {
      refuse(path, '"oneOf" whose alternatives are not told apart by "type" or by one required "const" property is not supported');
    }
    return this.#alternatives(list, path);
  }

  #literals(list: unknown, type: unknown, path: string): string {
    if (!Array.isArray(list)) return refuse(path, '"enum" must be a list');
    const types = type === undefined ? null : [type].flat();
    const fitting = list.filter((value) => types === null || types.some((name) => hasType(value, name)));
    if (fitting.length === 0) return refuse(path, 'no value of "enum" or "const" is possible');
    return this.rule(fitting.map((value) => literal(JSON.stringify(value))).join(' | '));
  }

  #types(node: Schema, said: string[], path: string): string {
    const types = 'type' in node ? [node['type']].flat() : [impliedType(said)];
    const names = types.map((type) => this.#type(type, node, said, types as unknown[], path));
    return names.length === 1 ? names[0]! : this.rule(names.join(' | '));
  }

  #type(type: unknown, node: Schema, said: string[], types: unknown[], path: string): string {
    if (typeof type !== 'string' || !Object.hasOwn(keywords, type)) return refuse(path, `"type": ${JSON.stringify(type)} is unknown`);
    const allowed = types.flatMap((name) => (Object.hasOwn(keywords, String(name)) ? keywords[name as TypeName] : []));
    const extra = said.find((keyword) => !(allowed as string[]).includes(keyword));
    if (extra !== undefined) refuse(path, `"${extra}" is not supported for ${JSON.stringify(node['type'] ?? type)}`);
    if (type === 'object') return this.#object(node, path);
    if (type === 'array') return this.#array(node, path);
    if (type === 'string') return this.#string(node, path);
    return type;
  }

  #object(node: Schema, path: string): string {
    const properties = Object.entries((node['properties'] ?? {}) as Schema);
    const required = new Set((node['required'] ?? []) as string[]);
    const more = node['additionalProperties'] ?? true;
    for (const name of required) {
      if (!properties.some(([key]) => key === name)) refuse(path, `"required" names "${name}", which "properties" does not describe`);
    }
    if (properties.length > 0 || more === false) {
      // Undeclared properties are never written, though the schema may allow them.
      const entries = properties.map(([key, value]) => ({
        text: `${literal(JSON.stringify(key))} ws ":" ws ${this.visit(value, `${path}/properties/${key}`)}`,
        isRequired: required.has(key),
      }));
      return this.rule(objectBody(entries, (body) => this.rule(body)));
    }
    const pair = `string ws ":" ws ${this.visit(more, `${path}/additionalProperties`)}`;
    return this.rule(`"{" ws (${pair} (ws "," ws ${pair})*)? ws "}"`);
  }

  #array(node: Schema, path: string): string {
    const item = this.visit(node['items'] ?? true, `${path}/items`);
    const { min, max } = bounds(node, 'minItems', 'maxItems', path);
    if (max === 0) return this.rule('"[" ws "]"');
    const following = `(ws "," ws ${item}){${Math.max(0, min - 1)},${max === null ? '' : max - 1}}`;
    const items = `${item} ${following}`;
    return this.rule(`"[" ws ${min === 0 ? `(${items})?` : items} ws "]"`);
  }

  #string(node: Schema, path: string): string {
    if ('format' in node) {
      const form = formats[String(node['format'])];
      if (form === undefined)
        refuse(path, `"format": ${JSON.stringify(node['format'])} is not supported; known are ${Object.keys(formats).join(', ')}`);
      if ('minLength' in node || 'maxLength' in node) refuse(path, '"format" together with a length is not supported');
      return this.rule(`"\\"" ${form} "\\""`);
    }
    const { min, max } = bounds(node, 'minLength', 'maxLength', path);
    if (min === 0 && max === null) return 'string';
    return this.rule(`"\\"" char{${min},${max ?? ''}} "\\""`);
  }
}

/** What a schema without `type` is about; values of other types, which it would also allow, are never written. */
function impliedType(said: string[]): TypeName {
  const types = Object.keys(keywords) as TypeName[];
  return types.find((type) => said.some((keyword) => (keywords[type] as readonly string[]).includes(keyword))) ?? 'object';
}

function bounds(node: Schema, minName: string, maxName: string, path: string): { min: number; max: number | null } {
  const min = (node[minName] ?? 0) as number;
  const max = (node[maxName] ?? null) as number | null;
  for (const bound of [min, max ?? 0]) {
    if (!Number.isInteger(bound) || bound < 0 || bound > maxRepetition)
      refuse(path, `"${minName}" and "${maxName}" must be integers from 0 to ${maxRepetition}`);
  }
  if (max !== null && max < min) refuse(path, `"${maxName}" is less than "${minName}"`);
  return { min, max };
}

function hasType(value: unknown, type: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function areDisjoint(list: Schema[]): boolean {
  const types = list.map((entry) => entry?.['type']);
  const names = types.map((type) => (type === 'integer' ? 'number' : type));
  if (names.every((type) => typeof type === 'string') && new Set(names).size === names.length) return true;
  const shared = Object.keys((list[0]?.['properties'] ?? {}) as Schema);
  return shared.some((key) => {
    const tags = list.map((entry) => {
      const property = (entry?.['properties'] as Record<string, Schema> | undefined)?.[key];
      const isRequired = ((entry?.['required'] ?? []) as string[]).includes(key);
      return isRequired && property !== undefined && 'const' in property ? JSON.stringify(property['const']) : null;
    });
    return tags.every((tag) => tag !== null) && new Set(tags).size === tags.length;
  });
}

/** A text as a GBNF literal. */
function literal(text: string): string {
  return JSON.stringify(text);
}
