/**
 * What the documents tell people to type is typed: every line of a block marked `sh`, and the SDK snippets of the README. What installs
 * or trains is not run here but named with the test that runs it.
 */
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPlatform, type TestPlatform } from '#platform/cli/test-platform.ts';
import { projectRoot } from '#platform/config.ts';

/** Commands too long for here → the test that runs them, or their like. */
const runElsewhere: Record<string, string> = {
  'npm run demo': 'tests/demo.test.ts',
  'npm start': 'tests/cli.test.ts',
  'npm test': '.ci/run',
  './bin/tuneloop train examples/data/lumen-support.jsonl --suffix lumen': 'tests/demo.test.ts',
  './bin/tuneloop train examples/data/lumen-support.jsonl --speed quick': 'platform/training/quick-lane.test.ts',
  './bin/tuneloop train examples/data/lumen-support.jsonl --distributed fsdp2 --processes 2': 'tests/several-processes.test.ts',
  './bin/tuneloop train examples/data/lumen-support.jsonl --deepspeed examples/deepspeed/zero2-offload.json --precision fp32':
    'worker/distributed_test.py',
  'torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint first-machine:29500 -m worker train --job job.json':
    'worker/distributed_test.py',
  './bin/tuneloop plan examples/data/lumen-support.jsonl --n-epochs 2': 'tests/plan.test.ts',
  './bin/tuneloop run watch': 'tests/demo.test.ts',
  './bin/tuneloop run probe ask "How long is the warranty?"': 'platform/cli/run-probe.test.ts',
  './bin/tuneloop run probe add "Who are you?" --reference "I am Wick."': 'platform/cli/run-probe.test.ts',
  './bin/tuneloop run probe ls': 'platform/cli/run-probe.test.ts',
  './bin/tuneloop run show': 'tests/demo.test.ts',
  './bin/tuneloop run events --json event,message': 'tests/demo.test.ts',
  './bin/tuneloop run logs': 'tests/demo.test.ts',
};

const documents = ['README.md', 'AGENTS.md', ...globSync('docs/*.md', { cwd: projectRoot })].map((name) => ({
  name,
  text: readFileSync(join(projectRoot, name), 'utf8'),
}));
const blocks = documents.flatMap(({ name, text }) =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({ name, language: language!, code: code! })),
);
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ name, code }) =>
    code
      .trim()
      .split('\n')
      .map((command) => ({ name, command })),
  );
const snippets = blocks.filter(({ language }) => language === 'ts' || language === 'python');

const run = promisify(execFile);
let platform: TestPlatform;

beforeAll(async () => {
  platform = await startTestPlatform();
});

afterAll(() => platform?.stop());

/** What stands for the reader's own address, key and model in the documents. */
function filledIn(text: string): string {
  return text
    .replaceAll('http://127.0.0.1:8080', platform.address)
    .replaceAll('sk-tl-…', platform.key)
    .replaceAll('smollm2-135m-instruct', 'scripted');
}

describe('the documents', () => {
  it('hold commands and snippets to try', () => {
    expect(commands.length).toBeGreaterThan(10);
    expect(snippets.map(({ language }) => language)).toEqual(['ts', 'python']);
  });

  it.each(commands.filter(({ command }) => !(command in runElsewhere)))('$name: $command', async ({ command }) => {
    // A pipe for stdin: `tuneloop chat` then takes its message from there.
    const child = run('sh', ['-c', filledIn(command)], {
      cwd: projectRoot,
      env: { ...platform.environment, TUNELOOP_URL: platform.address },
    });
    child.child.stdin?.end('Who are you?\n');
    const { stdout } = await child;
    expect(stdout).not.toBe('');
  });

  it.each(Object.entries(runElsewhere))('"%s" is run by %s', (command, test) => {
    expect(commands.map((each) => each.command)).toContain(command);
    expect(existsSync(join(projectRoot, test))).toBe(true);
  });

  it.each(snippets)('$name: the $language snippet gets an answer', async ({ language, code }) => {
    const folder = mkdtempSync(join(tmpdir(), 'tuneloop-docs-'));
    symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
    try {
      const path = join(folder, language === 'ts' ? 'snippet.mts' : 'snippet.py');
      writeFileSync(path, filledIn(code));
      const program = language === 'ts' ? process.execPath : join(projectRoot, '.venv', 'bin', 'python');
      const { stdout } = await run(program, [path], { cwd: projectRoot, env: platform.environment });
      expect(stdout.trim()).not.toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each(documents)('$name links to files and headings that are there', ({ name, text }) => {
    const broken = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].filter(([, path, anchor]) => {
      const target = path === '' ? name : join(name, '..', path!);
      if (!existsSync(join(projectRoot, target))) return true;
      return anchor !== undefined && !headingsOf(readFileSync(join(projectRoot, target), 'utf8')).includes(anchor);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

/** As GitHub makes anchors of them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
