import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorKinds, FailureCause } from '#contract/errors.ts';
import { projectRoot } from '#platform/config.ts';
import { errorHelp } from './error-help.ts';

const text = readFileSync(join(projectRoot, 'docs/troubleshooting.md'), 'utf8');
const headings = new Map(
  text
    .split(/^### /m)
    .slice(1)
    .map((part): [string, string] => [part.split('\n')[0]!, part.split('\n').slice(1).join('\n').trim()]),
);

describe('docs/troubleshooting.md', () => {
  it.each([...new Set(['setup', ...Object.keys(errorKinds), ...FailureCause.options, ...Object.keys(errorHelp)])])(
    'says what to do about %s',
    (code) => {
      expect(headings.get(code)?.length ?? 0).toBeGreaterThan(30);
    },
  );

  it('has no paragraph about a code that is gone', () => {
    const known = new Set<string>(['setup', ...Object.keys(errorKinds), ...FailureCause.options, ...Object.keys(errorHelp)]);
    expect([...headings.keys()].filter((code) => !known.has(code))).toEqual([]);
  });
});
