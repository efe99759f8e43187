/** Text that a model said, safe to print: nothing in it can steer the terminal. */

/** Line ends and tabs stay; every other control character goes (ECMA-48's C0 and C1). */
export function plainText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
