/** Jinja templates that others wrote: they see the values they are given and nothing else, and stop when they take too long. */
import { Environment, Interpreter as UntypedInterpreter, parse, tokenize } from '@huggingface/jinja';

/** Parsed once, rendered often. */
export type ParsedTemplate = ReturnType<typeof parse>;

/** The library's own declarations do not resolve under Node's module rules. */
interface Interpreter {
  run(template: ParsedTemplate): { value: unknown };
  /** Called for every node, by itself too. */
  evaluate(node: unknown, environment: unknown): { value: unknown } | undefined;
}
const Interpreter = UntypedInterpreter as unknown as new (environment: Environment) => Interpreter;

/** The template called `raise_exception`: it does not take these values, and says why. */
export class TemplateRefusal extends Error {}
/** The template is not valid, uses what does not exist, or is beyond the limits. */
export class TemplateFailure extends Error {}

/** A chat template needs some tens of steps a message, and as many for each tool. */
const mostSteps = 300_000;
/** UTF-16 units of a text, entries of a list or map: nothing may be larger on the way. */
const mostSize = 8_000_000;
const mostRange = 100_000;

/** Throws TemplateFailure. Blocks take their whole line with them, as on the model hub. */
export function parseTemplate(source: string): ParsedTemplate {
  try {
    return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  } catch (cause) {
    throw new TemplateFailure(`the template cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Throws TemplateRefusal, TemplateFailure. The same values give the same text on any day: `strftime_now` always tells one date. */
export function renderTemplate(template: ParsedTemplate, values: Record<string, unknown>): string {
  const environment = new Environment();
  for (const [names, value] of constants) for (const name of names) environment.set(name, value);
  for (const [name, value] of Object.entries(values)) environment.set(name, value);
  try {
    return String(new BoundedInterpreter(environment).run(template).value);
  } catch (cause) {
    if (cause instanceof TemplateRefusal || cause instanceof TemplateFailure) throw cause;
    throw new TemplateFailure(`the template failed: ${messageOf(cause)}`, { cause });
  }
}

class BoundedInterpreter extends Interpreter {
  #steps = 0;

  override evaluate(node: unknown, environment: unknown): { value: unknown } | undefined {
    if (++this.#steps > mostSteps) throw new TemplateFailure(`the template takes more than ${mostSteps} steps`);
    const result = super.evaluate(node, environment);
    if (sizeOf(result?.value) > mostSize)
      throw new TemplateFailure(`the template makes a value of more than ${mostSize} characters or entries`);
    return result;
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : 0;
}

function raiseException(message: unknown): never {
  throw new TemplateRefusal(String(message));
}

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= mostRange)) throw new TemplateFailure(`the template counts further than ${mostRange}`);
  return Array.from({ length }, (_, index) => from + index * step);
}

/** The date that Llama 3.1's own template falls back to. */
const fixedDate: Record<string, string> = {
  Y: '2024',
  m: '07',
  d: '26',
  B: 'July',
  b: 'Jul',
  A: 'Friday',
  a: 'Fri',
  H: '00',
  M: '00',
  S: '00',
};

function strftimeNow(format: unknown): string {
  return String(format).replaceAll(/%(.)/g, (whole, letter: string) => fixedDate[letter] ?? whole);
}

const constants: [names: string[], value: unknown][] = [
  [['true', 'True'], true],
  [['false', 'False'], false],
  [['none', 'None'], null],
  [['raise_exception'], raiseException],
  [['range'], range],
  [['strftime_now'], strftimeNow],
];

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
