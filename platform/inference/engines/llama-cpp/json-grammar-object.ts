/** The grammar of a JSON object with known properties, some of which may be missing. */

export interface ObjectEntry {
  /** GBNF of `"key": value`. */
  text: string;
  isRequired: boolean;
}

/**
 * GBNF of the object, its properties in the order given. `rule` makes a named rule and returns the name: each suffix of the list is one
 * rule, so that n optional properties cost n rules and not 2ⁿ.
 */
export function objectBody(entries: readonly ObjectEntry[], rule: (body: string) => string): string {
  if (entries.length === 0) return '"{" ws "}"';
  let first = '""';
  let following = '';
  for (const entry of entries.toReversed()) {
    const alone = `${entry.text} ${following}`;
    const next = entry.isRequired ? `ws "," ws ${entry.text} ${following}` : `(ws "," ws ${entry.text})? ${following}`;
    first = entry.isRequired ? rule(alone) : rule(`${alone} | ${first}`);
    following = rule(next);
  }
  return `"{" ws ${first} ws "}"`;
}
