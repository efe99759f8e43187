import { getLlama, LlamaGrammar } from 'node-llama-cpp';
import { expect, it } from 'vitest';
import { jsonObjectGrammar, jsonSchemaGrammar } from './json-grammar.ts';

const llama = await getLlama({ build: 'never', gpu: false, skipDownload: true });

/** Whether llama.cpp itself accepts the text as complete under the grammar. */
function accepts(grammar: string, text: string): boolean {
  const compiled = new LlamaGrammar(llama, { grammar });
  return (compiled as unknown as { _testText(text: string): boolean })._testText(text);
}

/** Texts that the schema's grammar judges wrongly. */
function misjudged(schema: Record<string, unknown>, valid: string[], invalid: string[]): string[] {
  const grammar = jsonSchemaGrammar(schema);
  return [...valid.filter((text) => !accepts(grammar, text)), ...invalid.filter((text) => accepts(grammar, text))];
}

it('allows any JSON object and nothing else for json_object', () => {
  for (const text of ['{}', '{ "a": [1, -2.5e3, "x\\n\\u00e9", null, true, {"b": {}}] }', '{"a":1,\n"b":2}']) {
    expect(accepts(jsonObjectGrammar(), text), text).toBe(true);
  }
  for (const text of ['', '[]', '1', '{"a"}', '{"a":1} x', '{"a":01}', '{"a":"\n"}', '{"a":1,}']) {
    expect(accepts(jsonObjectGrammar(), text), text).toBe(false);
  }
});

it('keeps required properties, lets optional ones be missing, and adds none', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'integer' }, 'c "d"': { type: 'boolean' } },
    required: ['b'],
  };
  expect(
    misjudged(
      schema,
      ['{"b":1}', '{"a":"x","b":1}', '{"b":1,"c \\"d\\"":true}', '{ "a": "x", "b": -3, "c \\"d\\"": false }'],
      ['{}', '{"a":"x"}', '{"b":1.5}', '{"b":1,"e":2}', '{"b":"1"}', '{"a":"x""b":1}'],
    ),
  ).toEqual([]);
});

it('counts array items and characters', () => {
  expect(
    misjudged(
      { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 3 },
      ['[1,2]', '[1, 2.5, 3e2]'],
      ['[]', '[1]', '[1,2,3,4]'],
    ),
  ).toEqual([]);
  expect(misjudged({ type: 'array', items: { type: 'null' }, maxItems: 0 }, ['[]'], ['[null]'])).toEqual([]);
  expect(misjudged({ type: 'array', items: { type: 'null' } }, ['[]', '[null,null]'], ['[1]'])).toEqual([]);
  expect(
    misjudged({ type: 'string', minLength: 2, maxLength: 3 }, ['"ab"', '"é😀中"', '"\\n\\u00e9"'], ['"a"', '"abcd"', '"\\ud83d\\ude00"']),
  ).toEqual([]);
});

it('writes only the values of enum and const, and only those of the type', () => {
  expect(
    misjudged({ enum: ['red', 'a"b', 3, null, { x: [1] }] }, ['"red"', '"a\\"b"', '3', 'null', '{"x":[1]}'], ['"blue"', '4', '"re"']),
  ).toEqual([]);
  expect(misjudged({ type: 'string', enum: ['red', 3] }, ['"red"'], ['3'])).toEqual([]);
  expect(misjudged({ const: 'line\nbreak' }, ['"line\\nbreak"'], ['"line"'])).toEqual([]);
});

it('knows unions, nullable types and schemas that contain themselves', () => {
  expect(misjudged({ type: ['string', 'null'] }, ['null', '"x"'], ['1'])).toEqual([]);
  expect(misjudged({ anyOf: [{ type: 'integer' }, { type: 'boolean' }] }, ['1', 'true'], ['"1"', '1.5'])).toEqual([]);
  const tree = {
    type: 'object',
    properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } } },
    required: ['name', 'children'],
  };
  expect(misjudged(tree, ['{"name":"a","children":[{"name":"b","children":[]}]}'], ['{"name":"a","children":[{}]}'])).toEqual([]);
  expect(misjudged({ $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'boolean' } } }, ['true'], ['1'])).toEqual([]);
  const kind = (value: string): Record<string, unknown> => ({ type: 'object', properties: { kind: { const: value } }, required: ['kind'] });
  expect(misjudged({ oneOf: [kind('cat'), kind('dog')] }, ['{"kind":"cat"}', '{"kind":"dog"}'], ['{"kind":"cow"}'])).toEqual([]);
});

it('allows only real dates and times', () => {
  expect(
    misjudged({ type: 'string', format: 'date' }, ['"2026-12-31"', '"2026-04-30"'], ['"2026-13-01"', '"2026-04-31"', '"2026-1-1"']),
  ).toEqual([]);
  expect(
    misjudged(
      { type: 'string', format: 'date-time' },
      ['"2026-02-28T23:59:59Z"', '"2026-02-28T00:00:00.123+02:00"'],
      ['"2026-02-30T00:00:00Z"', '"2026-02-28"'],
    ),
  ).toEqual([]);
});

it.each([
  [{ type: 'string', pattern: '^a' }, 'pattern'],
  [{ type: 'integer', minimum: 1 }, 'minimum'],
  [{ type: 'number', multipleOf: 2 }, 'multipleOf'],
  [{ type: 'array', uniqueItems: true }, 'uniqueItems'],
  [{ type: 'object', minProperties: 1 }, 'minProperties'],
  [{ type: 'object', required: ['a'] }, '"a"'],
  [{ type: 'string', format: 'email' }, 'email'],
  [{ type: 'string', maxLength: 1_000_000 }, 'maxLength'],
  [{ allOf: [{ type: 'string' }] }, 'allOf'],
  [{ not: { type: 'string' } }, 'not'],
  [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, 'oneOf'],
  [{ $ref: 'https://example.org/schema' }, '$ref'],
  [{ $ref: '#/$defs/missing' }, '$ref'],
  [{ type: 'thing' }, 'thing'],
  [{ type: 'object', properties: { a: { type: 'string', contentEncoding: 'base64' } } }, '#/properties/a'],
])('refuses %j and names what it cannot promise', (schema, named) => {
  expect(() => jsonSchemaGrammar(schema)).toThrow(
    expect.objectContaining({ code: 'unsupported_value', message: expect.stringContaining(named) }),
  );
});

it('takes two hundred optional properties', () => {
  const properties = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`p${index}`, { type: 'integer' }]));
  const grammar = jsonSchemaGrammar({ type: 'object', properties });
  expect(accepts(grammar, '{"p7":1,"p150":2}')).toBe(true);
  expect(accepts(grammar, '{"p150":1,"p7":2}')).toBe(false);
});
