import { describe, expect, it } from 'vitest';
import { splitJsonFlag } from './json-flag.ts';

const fields = ['id', 'status', 'config'];

describe('--json', () => {
  it('is null when it is not there', () => {
    expect(splitJsonFlag(['run', 'ls'], fields)).toEqual({ rest: ['run', 'ls'], json: null });
  });

  it('alone asks for every field', () => {
    expect(splitJsonFlag(['run', 'ls', '--json'], fields)).toEqual({ rest: ['run', 'ls'], json: [] });
  });

  it('takes the fields after it, with dots into objects', () => {
    expect(splitJsonFlag(['run', 'ls', '--json', 'id,config.settings.n_epochs', '-n', '3'], fields)).toEqual({
      rest: ['run', 'ls', '-n', '3'],
      json: ['id', 'config.settings.n_epochs'],
    });
    expect(splitJsonFlag(['run', 'ls', '--json=status'], fields).json).toEqual(['status']);
  });

  it('leaves a word that is no field to the command', () => {
    expect(splitJsonFlag(['ask', '--json', 'Who are you?'], fields)).toEqual({ rest: ['ask', 'Who are you?'], json: [] });
    expect(splitJsonFlag(['run', 'show', '--json', 'ftjob-abc'], fields)).toEqual({ rest: ['run', 'show', 'ftjob-abc'], json: [] });
  });

  it('refuses a list with a field that is not there, and names the ones that are', () => {
    expect(() => splitJsonFlag(['run', 'ls', '--json', 'id,nmae'], fields)).toThrow('there is no field nmae; choose of id, status, config');
    expect(() => splitJsonFlag(['run', 'ls', '--json=nmae'], fields)).toThrow('nmae');
  });

  it('after "--" is a word like any other', () => {
    expect(splitJsonFlag(['ask', '--', '--json'], fields)).toEqual({ rest: ['ask', '--', '--json'], json: null });
  });
});
