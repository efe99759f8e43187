/** The rules of JSON that every grammar shares, in GBNF. */

export const space = `ws ::= "" | " " | "\\n" [ \\t]{0,20}`;
/** One character of a JSON string. \u escapes leave out surrogates, so that a counted character is one code point. */
export const character = `char ::= [^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" ([0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))`;
export const primitives: Record<string, string> = {
  string: '"\\"" char* "\\""',
  number: '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?',
  integer: '"-"? ("0" | [1-9] [0-9]{0,15})',
  boolean: '"true" | "false"',
  null: '"null"',
  value: 'object | array | string | number | boolean | null',
  object: '"{" ws (string ws ":" ws value (ws "," ws string ws ":" ws value)*)? ws "}"',
  array: '"[" ws (value (ws "," ws value)*)? ws "]"',
};

// RFC 3339, without 29 February and leap seconds.
const day = '("0" [1-9] | [12] [0-9])';
const monthDay = `(("0" [13578] | "1" [02]) "-" (${day} | "3" [01]) | ("0" [469] | "11") "-" (${day} | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))`;
const hourMinute = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]';
const date = `[0-9]{4} "-" ${monthDay}`;
const time = `${hourMinute} ":" [0-5] [0-9] ("." [0-9]{3})? ("Z" | [-+] ${hourMinute})`;
/** Strings that must have a form; a `format` outside this list is refused. */
export const formats: Record<string, string> = {
  date,
  time,
  'date-time': `${date} "T" ${time}`,
  uuid: '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
};
