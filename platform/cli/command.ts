/** What a command of the terminal is: its words for the help, and what it does. One command = one file and one line in the table. */
import type { Context } from './context.ts';

export interface Flag {
  /** As commander writes it: `-m, --model <id>`. */
  flags: string;
  description: string;
  /** Reads the text of the flag; throws `usage` when it does not fit. */
  parse?: (text: string, before: unknown) => unknown;
  default?: unknown;
}

export interface Input {
  /** Positional arguments in order; one that was left out is undefined, the rest of a `[word...]` stands one by one. */
  words: (string | undefined)[];
  /** By flag, in camelCase. */
  flags: Record<string, unknown>;
}

export interface Command {
  /** Positional arguments: how commander writes them, and what they are. */
  words?: [syntax: string, description: string][];
  flags?: Flag[];
  /** At least two. */
  examples: string[];
  /** Names that `--json a,b` may pick. */
  fields: readonly string[];
  /** Resolves to the exit code when that is not 0. */
  run(context: Context, input: Input): Promise<number | void>;
}

/** A line of the table: enough for `tuneloop --help`, which loads no command. */
export interface CommandEntry {
  summary: string;
  load: () => Promise<{ command: Command }>;
}

/** Reads a whole number of at least `least`. */
export function wholeNumber(least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) throw new RangeError(`takes a whole number of at least ${least}, not "${text}"`);
    return value;
  };
}

/** Reads a number ≥ 0. */
export function plainNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new RangeError(`takes a number, not "${text}"`);
  return value;
}
