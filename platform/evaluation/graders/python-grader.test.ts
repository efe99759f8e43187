/** The sandbox is a plain Python here: that it keeps code in is the operator's part. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GraderRequest } from '#contract/openai/graders.ts';
import { projectRoot } from '#platform/config.ts';
import { pythonGraders, requirePythonGraders, runInSandbox } from '#platform/core/grader-sandbox.ts';

import { runGrader } from './run-grader.ts';

const sandbox = [join(projectRoot, '.venv/bin/python')];
const code = (source: string) => GraderRequest.parse({ type: 'python', name: 'it', source });
const grade = (source: string, sample: string, item: unknown, command = sandbox) =>
  runGrader(code(source), sample, item, { ask: () => Promise.reject(new Error('no model is asked here')), sandbox: command });

describe('a grader of type python', () => {
  it('is handed the answer and the item, and what it prints is no score', async () => {
    const source = "def grade(sample, item):\n    print('x')\n    return sample['output_json']['n'] / item['n']";
    const { reward, metadata } = await grade(source, '{"n": 3}', { n: 4 });
    expect(reward).toBe(0.75);
    expect(metadata.errors.python_grader_runtime_error).toBe(false);
  });

  it('stands in a formula beside others', async () => {
    const graders = {
      code: { type: 'python', name: 'code', source: 'def grade(sample, item): return 4' },
      same: { type: 'string_check', name: 'same', input: '{{sample.output_text}}', reference: 'x', operation: 'eq' },
    };
    const grader = GraderRequest.parse({ type: 'multi', name: 'both', graders, calculate_output: 'code + same' });
    const run = await runGrader(grader, 'x', {}, { ask: () => Promise.reject(new Error('nobody')), sandbox });
    expect(run).toMatchObject({ reward: 5, sub_rewards: { code: 4, same: 1 } });
  });

  it.each([
    ['def grade(sample, item):\n    return item["nothing"]', "line 2: KeyError: 'nothing'"],
    ['def grade(sample, item):\n    return float("inf")', 'ValueError: the score is inf'],
    ['import os\ndef grade(sample, item):\n    os._exit(1)', 'it ended without a score'],
  ])('says where it fails: %s', async (source, reason) => {
    const { reward, metadata } = await grade(source, 'x', {});
    expect(reward).toBe(0);
    expect(metadata.errors).toMatchObject({
      python_grader_runtime_error: true,
      python_grader_runtime_error_details: expect.stringContaining(reason) as string,
    });
  });

  it('is ended with all that its sandbox started, when it does not end by itself', async () => {
    const source = 'import signal, time\ndef grade(sample, item):\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    time.sleep(600)';
    const wrapped = ['sh', '-c', '"$@"; exit', 'sh', ...sandbox];
    expect(await runInSandbox(wrapped, source, [{ sample: {}, item: null }], 2000)).toEqual([{ ready: true }]);
  });

  it('says that it is the sandbox that fails, where it is', async () => {
    const { metadata } = await grade('def grade(sample, item): return 1', 'x', {}, ['/nowhere/python']);
    expect(metadata.errors).toMatchObject({
      python_grader_server_error: true,
      python_grader_server_error_type: expect.stringContaining('TUNELOOP_GRADER_SANDBOX') as string,
    });
  });

  it.each([
    [[], 'def grade(sample, item): return 1', 'unsupported_value', 'grader.type'],
    [sandbox, 'def grade(sample, item) return 1', 'invalid_request', 'grader.source'],
    [sandbox, 'score = 1', 'invalid_request', 'grader.source'],
    [['/nowhere/python'], 'def grade(sample, item): return 1', 'setting_invalid', null],
  ])('is refused before it is used: %j %s', async (command, source, code_, param) => {
    const asked = requirePythonGraders(command, pythonGraders(code(source), 'grader'));
    await expect(asked).rejects.toMatchObject({ code: code_, param });
  });

  it('is found by its path in a multi', () => {
    const part = { type: 'python', name: 'a', source: 'x' };
    const grader = GraderRequest.parse({ type: 'multi', name: 'both', graders: { a: part, b: part }, calculate_output: 'a + b' });
    expect(pythonGraders(grader, 'grader').map(({ path }) => path)).toEqual(['grader.graders.a', 'grader.graders.b']);
  });
});
