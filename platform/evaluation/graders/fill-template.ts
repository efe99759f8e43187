/** Fills the placeholders of a grader. What is filled in is not read again. */
import { GraderFailure } from './grader-failure.ts';

export interface Graded {
  sample: { output_text: string; output_json: unknown };
  item: unknown;
}

export function gradedSample(text: string, item: unknown): Graded {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { sample: { output_text: text, output_json: json }, item };
}

/** Throws `invalid_variable_error` for a name that leads nowhere, `sample_parse_error` for JSON of an answer that is none. */
export function fillTemplate(template: string, graded: Graded): string {
  return template.replaceAll(/\{\{([^{}]{0,200})\}\}/g, (_, path: string) => textOf(valueAt(path.trim(), graded)));
}

function valueAt(path: string, graded: Graded): unknown {
  let value: unknown = graded;
  const names = path.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
  if (names[0] === 'sample' && names[1] === 'output_json' && graded.sample.output_json === undefined)
    throw new GraderFailure('sample_parse_error', `{{${path}}}: the answer is not JSON`);
  for (const name of names) {
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
    if (!isThere) throw new GraderFailure('invalid_variable_error', `{{${path}}}: there is no "${name}"`);
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null));
