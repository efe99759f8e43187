/** Texts that went through a wrong encoding: `Ã¼` for `ü`, `â€™` for `’`, replacement marks, control characters. */
import type { ValidRow } from '../data-row.ts';
import { rowTexts } from '../row-text.ts';
import { rowByRow, rowsOf } from './check.ts';
import { mapTexts } from './map-texts.ts';

/** UTF-8 that was read as Windows-1252: a first byte of a sequence, then one of its others. */
const mojibake =
  /[\u00C2\u00C3][\u0080-\u00BF\u0152\u0153\u0160\u0161\u0178\u017D\u017E\u0192\u02C6\u02DC\u2013-\u2022\u2026\u2030\u2039\u203A\u20AC\u2122]|\u00E2[\u20AC\u0080][\u0080-\u00BF\u0152\u0153\u2013-\u2022\u2122\u02DC\u201C\u201D\u00A6]|\u00F0\u0178[\u0080-\u00FF\u0152\u0153\u0160\u0161\u2013-\u2022\u02DC]/u;
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const control = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\uFEFF\uFFFE]/u;
const loneSurrogate = /[\uD800-\uDFFF]/u;

function faultOf(text: string): string | null {
  if (text.includes('\uFFFD')) return 'replacement marks (�) stand where characters were lost';
  const garbled = mojibake.exec(text);
  if (garbled) return `"${garbled[0]}" is one character read in a wrong encoding`;
  if (loneSurrogate.test(text)) return 'half of a character';
  return control.test(text) ? 'control characters' : null;
}

export const encoding = rowByRow({
  kind: 'encoding',
  severity: 'warning',
  drop: 'leaves the rows without such faults',
  repairs: {
    repair: {
      description: 'reads garbled letters in the right encoding and removes control characters; rows with lost characters go',
      apply: repaired,
    },
  },
  message: (count) => `${rowsOf(count)} with characters of a wrong encoding`,
  judge(row) {
    for (const { text } of rowTexts(row)) {
      const fault = faultOf(text);
      if (fault !== null) return fault;
    }
    return null;
  },
});

function repaired(row: ValidRow): ValidRow | null {
  const mended = mapTexts(row, mend);
  for (const { text } of rowTexts(mended)) if (faultOf(text) !== null) return null;
  return mended;
}

/** The bytes that Windows-1252 shows as other characters than their number. */
const windows1252 = new Map(
  Array.from('€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ', (character, index): [string, number] => [
    character,
    0x80 + index,
  ]),
);

/** Each run of characters that are bytes is read as UTF-8 once more, where it is valid UTF-8. */
function mend(text: string): string {
  const clean = text.replace(new RegExp(control, 'gu'), '');
  if (!mojibake.test(clean)) return clean;
  return clean.replace(
    /[\u0080-\u00FF\u0152\u0153\u0160\u0161\u0178\u017D\u017E\u0192\u02C6\u02DC\u2013-\u2022\u2026\u2030\u2039\u203A\u20AC\u2122]+/gu,
    (run) => {
      const bytes = Buffer.from([...run].map((character) => windows1252.get(character) ?? character.charCodeAt(0)));
      const read = bytes.toString('utf8');
      return read.includes('\uFFFD') ? run : read;
    },
  );
}
