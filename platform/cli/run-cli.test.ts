import { describe, expect, it } from 'vitest';
import { runOnTestTerminal } from './test-terminal.ts';

/** Nobody listens on port 2 (and fetch refuses port 1). */
const nowhere = { TUNELOOP_URL: 'http://127.0.0.1:2', HOME: '/nonexistent' };

describe('the command line', () => {
  it.each([
    ['an unknown command', ['nope']],
    ['a noun without a verb', ['run']],
    ['an unknown flag', ['run', 'ls', '--nope']],
    ['a missing argument', ['train']],
    ['a value that does not fit', ['train', 'x.jsonl', '--learning-rate', 'fast']],
    ['a field that is not there', ['run', 'ls', '--json', 'id,nope']],
    ['a file that is not there', ['train', '/nonexistent/rows.jsonl']],
  ])('ends with exit code 2 for %s, and says what and how to go on', async (_what, words) => {
    const { exitCode, stdout, stderr } = await runOnTestTerminal(words, nowhere);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('usage');
    expect(stderr).toMatch(/fix/);
    expect(stderr).toContain('docs/troubleshooting.md#usage');
  });

  it('ends with exit code 7 when nobody answers, and says how to start the platform', async () => {
    const { exitCode, stderr } = await runOnTestTerminal(['run', 'ls'], nowhere);
    expect(exitCode).toBe(7);
    expect(stderr).toBe(
      '✗ server_unreachable  no platform answers at http://127.0.0.1:2\n' +
        '  why  ECONNREFUSED\n  fix  tuneloop up\n  docs docs/troubleshooting.md#server_unreachable\n',
    );
  });

  it('tells a failure as JSON where JSON was asked for, by flag or by TUNELOOP_OUTPUT', async () => {
    const byFlag = await runOnTestTerminal(['run', 'ls', '--json'], nowhere);
    const bySetting = await runOnTestTerminal(['run', 'ls'], { ...nowhere, TUNELOOP_OUTPUT: 'json' });
    expect(bySetting).toEqual(byFlag);
    expect(JSON.parse(byFlag.stderr)).toEqual({
      error: {
        code: 'server_unreachable',
        message: 'no platform answers at http://127.0.0.1:2',
        why: 'ECONNREFUSED',
        fix: 'tuneloop up',
        docs: 'docs/troubleshooting.md#server_unreachable',
        request_id: null,
      },
    });
  });

  it('names every setting that is wrong', async () => {
    const { exitCode, stderr } = await runOnTestTerminal(['run', 'ls'], { ...nowhere, TUNELOOP_PORT: 'high', TUNELOOP_PROT: '8080' });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('TUNELOOP_PORT');
    expect(stderr).toContain('TUNELOOP_PROT');
  });

  it('refuses to delete a model unasked where it cannot ask', async () => {
    const { exitCode, stderr } = await runOnTestTerminal(['model', 'rm', 'ft:x'], nowhere);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('fix  tuneloop model rm ft:x --yes');
  });
});
