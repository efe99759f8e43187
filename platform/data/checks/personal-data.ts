/** Data about persons, told by its form: e-mail, telephone, card and account numbers, addresses of machines, secret keys. */
import { rowTexts } from '../row-text.ts';
import { rowByRow, rowsOf } from './check.ts';
import { mapTexts } from './map-texts.ts';

interface Pattern {
  name: string;
  /** Linear: every repetition is bounded or ends at a sign that it does not hold. */
  regex: RegExp;
  isReal?: (match: string) => boolean;
}

/** Addresses of a house, not of a person, and those set aside for examples. */
const nobodysMail =
  /^(info|support|help|contact|sales|no-?reply|admin|service|hello|office|press|privacy|team|jobs|billing)@|@(example\.(com|org|net)|[\w.-]+\.(example|test|invalid))$/i;

const patterns: Pattern[] = [
  {
    name: 'EMAIL',
    regex: /(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}(?![\w-])/gu,
    isReal: (match) => !nobodysMail.test(match) && /\.[A-Za-z]{2,}$/.test(match),
  },
  {
    name: 'SECRET',
    regex: /(?<![\w-])(?:sk-[A-Za-z0-9_-]{20,200}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,100})(?![\w-])/gu,
  },
  { name: 'IBAN', regex: /(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)/gu, isReal: isIban },
  { name: 'CARD', regex: /(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d.,-]\d|\d)/gu, isReal: isCard },
  { name: 'SSN', regex: /(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/gu },
  {
    name: 'PHONE',
    regex:
      /(?<![\w.+])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-]|\.\d)/gu,
    isReal: isPhone,
  },
  {
    name: 'IP',
    regex: /(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)/gu,
    isReal: isPublicAddress,
  },
];

export const personalData = rowByRow({
  kind: 'personal_data',
  severity: 'warning',
  drop: 'leaves the rows without such data',
  repairs: { mask: { description: 'writes [EMAIL], [PHONE] and their like in its place', apply: (row) => mapTexts(row, mask) } },
  message: (count) => `${rowsOf(count)} with data about persons`,
  judge(row) {
    const names = new Set<string>();
    for (const { text } of rowTexts(row)) for (const { name } of find(text)) names.add(name);
    return names.size === 0 ? null : [...names].join(', ');
  },
});

/** What of a text is about a person. */
export function find(text: string): { name: string; match: string }[] {
  const found: { name: string; match: string }[] = [];
  // Most texts hold neither a digit nor an @ nor a key.
  if (!/[@\d]/.test(text)) return found;
  for (const { name, regex, isReal } of patterns)
    for (const [match] of text.matchAll(regex)) if (!isReal || isReal(match)) found.push({ name, match });
  return found;
}

export function mask(text: string): string {
  return patterns.reduce(
    (masked, { name, regex, isReal }) => masked.replace(regex, (match) => (!isReal || isReal(match) ? `[${name}]` : match)),
    text,
  );
}

/** Of 13 to 19 digits the last one checks the others (Luhn). */
function isCard(match: string): boolean {
  const digits = match.replace(/\D/g, '');
  if (/^(\d)\1+$/.test(digits)) return false;
  const sum = [...digits].toReversed().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return digits.length >= 13 && sum % 10 === 0 && /^[2-6]/.test(digits);
}

/** ISO 13616: moved to the end and read as a number, it leaves 1 when divided by 97. */
function isIban(match: string): boolean {
  const text = match.replaceAll(' ', '');
  if (text.length < 15 || text.length > 34) return false;
  let rest = 0;
  for (const sign of text.slice(4) + text.slice(0, 4))
    for (const digit of String(Number.parseInt(sign, 36))) rest = (rest * 10 + Number(digit)) % 97;
  return rest === 1;
}

function isPhone(match: string): boolean {
  const digits = match.replace(/\D/g, '');
  // 555-01xx is set aside for stories.
  return digits.length >= 9 && digits.length <= 15 && !/555-?01\d\d$/.test(match.replaceAll(' ', '-'));
}

/** Machines of a house or of nobody: 10.x, 192.168.x, 127.x, those of documents; and what reads as a version. */
function isPublicAddress(match: string): boolean {
  const [first, second] = match.split('.').map(Number) as [number, number];
  if (first === 10 || first === 127 || first === 0 || first >= 224) return false;
  if ((first === 192 && second === 168) || (first === 172 && second >= 16 && second < 32) || (first === 169 && second === 254))
    return false;
  return !/^(192\.0\.2|198\.51\.100|203\.0\.113)\./.test(match) && first > 9;
}
