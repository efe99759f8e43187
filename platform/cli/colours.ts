/** Colours where a person looks: on a terminal, unless NO_COLOR says otherwise. */
import type { Terminal } from './context.ts';

export interface Colours {
  green: (text: string) => string;
  red: (text: string) => string;
  dim: (text: string) => string;
  bold: (text: string) => string;
}

export function coloursOf(stream: { isTTY?: boolean }, environment: Terminal['environment']): Colours {
  const isOn =
    (stream.isTTY === true && !environment.NO_COLOR) || Boolean(environment.CLICOLOR_FORCE && environment.CLICOLOR_FORCE !== '0');
  const paint = (start: number, end: number) => (text: string) => (isOn ? `\x1b[${start}m${text}\x1b[${end}m` : text);
  return { green: paint(32, 39), red: paint(31, 39), dim: paint(2, 22), bold: paint(1, 22) };
}
