import { expect, it } from 'vitest';
import { readAddress, writeAddress } from './use-data-address.ts';

it('carries version, row, table, finding, comparison, model and view, and leaves out what is usual', () => {
  const full = { version: '3', row: '17', from: '101', finding: 'too_long', compare: '2', model: 'ft:tiny:a&b', view: 'difference' };
  expect(writeAddress(readAddress(full))).toEqual(full);
  expect(writeAddress(readAddress({}))).toEqual({});
});

it('reads an address that was typed by hand as far as it makes sense', () => {
  expect(readAddress({ version: '-1', row: '1e9', from: 'x', view: 'heat' })).toEqual(readAddress({}));
});
