import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { projectRoot } from '#platform/config.ts';
import { describe, expect, it } from 'vitest';
import { pythonValue, shellWord, yamlOf } from './literals.ts';

const python = join(projectRoot, '.venv', 'bin', 'python');

/** What people and models write: quotes, dollars, line ends, words that mean something, characters from elsewhere. */
const texts = [
  'plain',
  '',
  "it's",
  '"double"',
  '$HOME `id` $(id) \\ !',
  'two\nlines\n',
  'true',
  'null',
  '1e3',
  '- a',
  'a: b # c',
  '😀 中文',
  'END',
];

it.each(texts)('a shell reads the word back: %j', (text) => {
  expect(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text);
});

describe('YAML', () => {
  it('gives the object back', () => {
    const object = {
      texts,
      ...Object.fromEntries(texts.map((text, index) => [`text_${index}`, text])),
      nested: { list: ['a', 1, null], deeper: { flag: false, none: null }, empty: {} },
      number: 0.0003,
      prompts: [{ prompt: 'What?\nNow!', reference: 'yes: "no"' }],
      'a strange key:': 1,
    };
    expect(parseYaml(yamlOf(object))).toEqual(object);
  });
});

it('Python reads values back as JSON has them', () => {
  const value = { texts, yes: true, no: false, none: null, list: [1, 0.5, -2e-7], nested: { a: {} } };
  const program = `import json; print(json.dumps(${pythonValue(value)}))`;
  expect(JSON.parse(execFileSync(python, ['-c', program], { encoding: 'utf8' }))).toEqual(value);
});
