/** The generator of the worker's models: what it writes for each form of schema, and what it refuses to write. */
import { expect, it } from 'vitest';
import { pythonModels, type JsonSchema } from './python-models.ts';

const written = (field: JsonSchema): string => {
  const source = pythonModels({ Shape: { type: 'object', properties: { field } }, Other: { type: 'object', properties: {} } }, ['Shape']);
  return source.slice(source.indexOf('class Shape(Shape)')).trim();
};

it('keeps bounds, nulls and descriptions', () => {
  expect(written({ type: ['integer', 'null'], minimum: 1, description: 'How many.' })).toBe(
    'class Shape(Shape):\n    # How many.\n    field: Annotated[int, Field(ge=1)] | None',
  );
  expect(written({ type: 'array', minItems: 1, items: { type: 'string' } })).toContain('field: Annotated[list[str], Field(min_length=1)]');
});

it('knows an object of anything, for what another program reads', () => {
  expect(written({ type: 'object', additionalProperties: {} })).toContain('field: dict[str, Any]');
});

it('writes a shape after those it needs', () => {
  const source = pythonModels(
    {
      Outer: { type: 'object', properties: { inner: { $ref: '#/$defs/Inner' } } },
      Inner: { type: 'object', properties: { a: { type: 'string' } } },
    },
    ['Outer'],
  );
  expect(source.indexOf('class Inner')).toBeGreaterThan(0);
  expect(source.indexOf('class Inner')).toBeLessThan(source.indexOf('class Outer'));
});

it('names the variants of a union by their tag', () => {
  const variant = (tag: string) => ({ type: 'object', properties: { type: { type: 'string', const: tag } } });
  const source = pythonModels({ RunEvent: { oneOf: [variant('run-step'), variant('log')] } }, ['RunEvent']);
  expect(source).toContain('class RunStepEvent(Shape):\n    type: Literal["run-step"]');
  expect(source).toContain('RunStepEvent\n    | LogEvent,\n    Field(discriminator="type")');
});

it('refuses an object without a name, and a type that Python has no word for', () => {
  expect(() => written({ type: 'object', properties: { a: { type: 'string' } } })).toThrow('Shape.field is an object without a name');
  expect(() => written({})).toThrow('Shape.field: no Python type for {}');
});
