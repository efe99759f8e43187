import { expect, it } from 'vitest';
import { previewOf } from './rows.ts';

const row = (text: string): string => JSON.stringify({ messages: [{ role: 'user', content: text }] });

it('shows the first rows with their lines, over blank lines and a byte order mark', () => {
  const { rows, hasMore } = previewOf(`\uFEFF${row('a')}\n\n${row('b')}\n`, false);
  expect(rows.map(({ line, messages }) => [line, messages[0]!.text])).toEqual([
    [1, 'a'],
    [3, 'b'],
  ]);
  expect(hasMore).toBe(false);
});

it('does not show the half line at which a long file was cut', () => {
  const { rows, hasMore } = previewOf(`${row('a')}\n{"messages": [{"ro`, true);
  expect(rows).toHaveLength(1);
  expect(hasMore).toBe(true);
});

it('shows five rows, and that there are more', () => {
  const { rows, hasMore } = previewOf(Array.from({ length: 9 }, (_, index) => row(String(index))).join('\n'), false);
  expect(rows).toHaveLength(5);
  expect(hasMore).toBe(true);
});

it('says of a line that is no row why, and shows rows of other formats by their fields', () => {
  const { rows } = previewOf(`not json\n[1]\n{"prompt": "p", "completion": "c"}\n{"messages": [{"content": [{"type": "text"}]}]}`, false);
  expect(rows[0]!.problem).toContain('no JSON');
  expect(rows[2]!.messages).toEqual([
    { role: 'prompt', text: 'p' },
    { role: 'completion', text: 'c' },
  ]);
  expect(rows[3]!.messages).toEqual([{ role: '?', text: '[{"type":"text"}]' }]);
});
