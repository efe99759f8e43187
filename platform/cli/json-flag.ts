/** `--json` and `--json a,b`: whether the word after it names fields, or belongs to the command. */
import { CliError } from './cli-error.ts';

/**
 * Takes the flag out of the words. `json` is null without it, [] for all fields, else the fields picked. A word after `--json` is
 * taken for fields when each part of it names one; a list with commas that does not is a mistake, and says so.
 */
export function splitJsonFlag(words: string[], fields: readonly string[]): { rest: string[]; json: string[] | null } {
  const end = words.indexOf('--') === -1 ? words.length : words.indexOf('--');
  const at = words.findIndex((word, index) => index < end && (word === '--json' || word.startsWith('--json=')));
  if (at === -1) return { rest: words, json: null };
  const isAssigned = words[at]!.includes('=');
  const text = isAssigned ? words[at]!.slice('--json='.length) : (words[at + 1] ?? '');
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.filter((name) => !fields.includes(name.split('.')[0]!));
  const isList = names.length > 0 && unknown.length === 0;
  const looksLikeList = isAssigned || /^[a-z0-9_.]+(,[a-z0-9_.]+)+$/.test(text);
  if (!isList && looksLikeList && names.length > 0) {
    throw new CliError('usage', `--json: there is no field ${unknown.join(', ')}; choose of ${fields.join(', ')}`, {
      fix: `--json ${fields.slice(0, 2).join(',')}`,
    });
  }
  const taken = isAssigned || !isList ? 1 : 2;
  return { rest: words.toSpliced(at, taken), json: isList ? names : [] };
}
