/** What a command prints: data on stdout, as text for people or as JSON for programs; all else on stderr. */
import type { Writable } from 'node:stream';

export interface Output {
  /** Whether JSON is wanted. */
  isJson: boolean;
  /** One answer: its text, or the value as JSON, of which `--json a,b` picks fields (of each item, when it is a list). */
  print: (value: unknown, text: () => string) => void;
  /** One item of a stream: a line of text, or a line of JSON. */
  line: (value: unknown, text: () => string | null) => void;
  /** Text as it comes, without a line end; only where JSON is not wanted. */
  write: (text: string) => void;
  /** A remark for the person, on stderr. */
  note: (text: string) => void;
}

/** `fields` is null for text, [] for JSON with every field. */
export function openOutput(stdout: Writable, stderr: Writable, fields: string[] | null): Output {
  const show = (value: unknown, indent: number): string =>
    `${JSON.stringify(fields?.length ? pick(value, fields) : value, null, indent)}\n`;
  const isTerminal = 'isTTY' in stdout && stdout.isTTY === true;
  return {
    isJson: fields !== null,
    print: (value, text) => void stdout.write(fields ? show(value, isTerminal ? 2 : 0) : `${text()}\n`),
    line(value, text) {
      const line = fields ? show(value, 0) : text();
      if (line !== null) stdout.write(fields ? line : `${line}\n`);
    },
    write: (text) => void (fields === null && stdout.write(text)),
    note: (text) => void stderr.write(`${text}\n`),
  };
}

/** Fields by name; a dotted name reaches into objects. A field that is not there is null. */
function pick(value: unknown, fields: string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => pick(item, fields));
  return Object.fromEntries(
    fields.map((field) => [
      field,
      field.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key], value) ?? null,
    ]),
  );
}
