/** A grader of type python, run in the sandbox that the operator named. */
import { PlatformError } from '#platform/core/errors.ts';
import { runInSandbox } from '#platform/core/grader-sandbox.ts';
import type { Graded } from './fill-template.ts';
import { GraderFailure } from './grader-failure.ts';

/** What `grade(sample, item)` of the source returns. Throws a GraderFailure. */
export async function gradeInSandbox(sandbox: readonly string[], source: string, { sample, item }: Graded): Promise<number> {
  const asked = { sample: { ...sample, output_json: sample.output_json ?? null, output_tools: [], choices: [] }, item: item ?? null };
  const said = await runInSandbox(sandbox, source, [asked]).catch((error: unknown) => {
    throw error instanceof PlatformError ? new GraderFailure('python_grader_server_error', error.message) : error;
  });
  const last = said.at(-1)!;
  if ('score' in last && typeof last.score === 'number') return last.score;
  throw new GraderFailure('python_grader_runtime_error', 'error' in last ? last.error : 'it ended without a score');
}
