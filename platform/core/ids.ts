/** Ids that people read: a prefix that tells the kind, then random letters and digits. */
import { randomInt } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `length` characters of base62, unpredictable: 5.95 bits each. */
export function randomText(length: number): string {
  let text = '';
  for (let index = 0; index < length; index++) text += alphabet[randomInt(alphabet.length)];
  return text;
}

/** For example `newId('ftjob-')` → `ftjob-9fKx…` with 24 random characters (142 bits). */
export function newId(prefix: string): string {
  return prefix + randomText(24);
}
