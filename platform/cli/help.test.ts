import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { commands } from './commands/index.ts';
import { runOnTestTerminal } from './test-terminal.ts';

const names = Object.keys(commands);

describe('help', () => {
  it('of every command reads as it is written down in help.golden.txt', async () => {
    const pages = await Promise.all(
      [[], ['run'], ['data'], ['model'], ...names.map((name) => name.split(' '))].map((words) => help(words)),
    );
    await expect(pages.join('\n────\n')).toMatchFileSnapshot('./help.golden.txt');
  });

  it('lists every command', async () => {
    const { stdout } = await runOnTestTerminal(['--help'], {});
    for (const name of names) expect(stdout).toMatch(new RegExp(`^ +${name.split(' ')[0]} `, 'm'));
  });

  it.each(names)('of "%s" has at least two examples, each of which begins like a command line', async (name) => {
    const { command } = await commands[name]!.load();
    expect(command.examples.length).toBeGreaterThanOrEqual(2);
    for (const example of command.examples) expect(example).toContain('tuneloop ');
    expect(command.examples.some((example) => example.includes(`tuneloop ${name}`))).toBe(true);
  });

  it('can be asked for as "help <command>" too', async () => {
    expect((await runOnTestTerminal(['help', 'run', 'ls'], {})).stdout).toBe(await help(['run', 'ls']));
  });

  it('loads neither the contract nor a command', () => {
    const code = `import { registerHooks } from 'node:module';
      const seen = [];
      registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
      const { runCli } = await import(${JSON.stringify(join(projectRoot, 'platform/cli/run-cli.ts'))});
      await runCli(['--help'], { environment: {}, stdin: process.stdin, stdout: process.stderr, stderr: process.stderr });
      console.log(JSON.stringify(seen));`;
    const output = execFileSync(join(projectRoot, 'node_modules/.bin/node'), ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const loaded = JSON.parse(output) as string[];
    expect(loaded.some((url) => url.endsWith('/cli/run-cli.ts'))).toBe(true);
    expect(loaded.filter((url) => /\/(zod|contract)\/|\/commands\/(?!index)/.test(url))).toEqual([]);
  });
});

async function help(words: string[]): Promise<string> {
  const { exitCode, stdout } = await runOnTestTerminal([...words, '--help'], {});
  expect(exitCode).toBe(0);
  return stdout;
}
