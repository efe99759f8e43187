/** What is wrong with a request, as OpenAI's error body says it: the path of the field, a code, a sentence. */
import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';

/** The codes that a request's shape alone can earn. */
export type RequestProblemCode = Extract<ErrorCode, 'invalid_request' | 'unsupported_parameter' | 'unsupported_value'>;

export interface RequestProblem {
  code: RequestProblemCode;
  /** `messages[0].content`; null when the body as a whole is at fault. */
  param: string | null;
  message: string;
}

/** A field that OpenAI knows and this server does not serve: absent, null and false pass, anything else is refused. */
export function unsupported(message: string) {
  return z
    .unknown()
    .refine((value) => value === undefined || value === null || value === false, {
      error: message,
      params: { problem: 'unsupported_parameter' },
    })
    .optional();
}

/** Options for `.refine` when a field is served but this value of it is not. */
export function unsupportedValue(message: string) {
  return { error: message, params: { problem: 'unsupported_value' } };
}

/** An object that takes no unknown key: what is misspelt here would otherwise silently train something else. */
export function closedObject<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `there is no such field here; known are ${known}` : undefined),
  });
}

/**
 * The first problem of a refused value, found where the caller came nearest to a shape that is accepted. `whole` is what to call the
 * value when no field of it is at fault.
 */
export function requestProblem(error: { issues: readonly Issue[] }, whole = 'the body'): RequestProblem {
  const issue = nearest(error.issues[0]!);
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
  const param = fieldPath(path);
  return { code: codeOf(issue), param, message: `${param ?? whole}: ${wording(issue)}` };
}

/** `['messages', 0, 'content']` → `messages[0].content`. */
export function fieldPath(path: readonly PropertyKey[]): string | null {
  if (path.length === 0) return null;
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`)).join('');
}

type Issue = z.core.$ZodIssue;

/** In a union every branch fails; the one to tell about got furthest into the value, or liked its type. */
function nearest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const candidates = issue.errors.flatMap((branch) => (branch[0] ? [nearest(branch[0])] : []));
  const best = candidates.toSorted((left, right) => nearness(right) - nearness(left))[0];
  if (!best) return issue;
  if (nearness(best) === 0) return { ...issue, message: expectation(candidates) };
  return { ...best, path: [...issue.path, ...best.path] };
}

/** 0 when not even the type of the value fitted. */
function nearness(issue: Issue): number {
  const isOfWrongType = issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union';
  return issue.path.length * 2 + (isOfWrongType ? 0 : 1);
}

/** No branch fitted at all: say what all of them wanted. */
function expectation(issues: Issue[]): string {
  const wanted = issues.flatMap((issue) => {
    if (issue.code === 'invalid_type') return [issue.expected === 'int' ? 'integer' : issue.expected];
    return issue.code === 'invalid_value' ? issue.values.map((value) => JSON.stringify(value)) : [];
  });
  return `expected ${[...new Set(wanted)].join(' or ')}`;
}

/** zod's own sentences, without its stock openings and its word for a missing field. */
function wording(issue: Issue): string {
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  if (issue.message.endsWith('received undefined'))
    return `is missing (${issue.message.replace(/^Invalid input: |, received undefined$/g, '')})`;
  return issue.message.replace(/^Invalid [a-z ]+[:.] [Ee]xpected/, 'expected').replace(/^Too (small|big): expected \w+ /, 'has ');
}

function codeOf(issue: Issue): RequestProblemCode {
  if (issue.code === 'unrecognized_keys') return 'unsupported_parameter';
  const problem = issue.code === 'custom' ? issue.params?.['problem'] : undefined;
  return problem === 'unsupported_parameter' || problem === 'unsupported_value' ? problem : 'invalid_request';
}
