/** The example sets of `examples/data`: listed, and copied into a project's files. */
import { hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExampleSet } from '#contract/example.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { createFile, type FileRow, type Files } from './files.ts';

/** Questions of a set that are shown. */
const mostQuestions = 4;

/** By name. `folder` is `examples/data`. */
export async function listExamples(folder: string): Promise<ExampleSet[]> {
  return Promise.all((await namesOf(folder)).map((name) => readExample(folder, name)));
}

/** Files of the set that the project has already are used again. Throws `file_not_found` for a name that is none. */
export async function copyExample(
  files: Files,
  projectId: string,
  folder: string,
  name: string,
): Promise<{ training: FileRow; validation: FileRow | null }> {
  const names = await namesOf(folder);
  // The name comes from outside: only one that is listed ever becomes a path.
  if (!names.includes(name))
    throw new PlatformError('file_not_found', `There is no example set "${name}"; there are ${names.join(', ')}.`, { param: 'name' });
  const validation = `${name}-validation.jsonl`;
  return {
    training: await fileOf(files, projectId, folder, `${name}.jsonl`),
    validation: existsSync(join(folder, validation)) ? await fileOf(files, projectId, folder, validation) : null,
  };
}

/** Every set has held-out questions: that tells its rows from the other files. */
async function namesOf(folder: string): Promise<string[]> {
  const suffix = '-heldout.jsonl';
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length))
    .sort();
}

async function readExample(folder: string, name: string): Promise<ExampleSet> {
  const lines = async (file: string): Promise<string[]> => (await readFile(join(folder, file), 'utf8')).trim().split('\n');
  const heldOut = await lines(`${name}-heldout.jsonl`);
  return {
    name,
    rows: (await lines(`${name}.jsonl`)).length,
    has_validation: existsSync(join(folder, `${name}-validation.jsonl`)),
    questions: heldOut.slice(0, mostQuestions).map((line) => {
      const { question, expect, system } = JSON.parse(line) as { question: string; expect: string[]; system?: string };
      return { question, expect, system: system ?? null };
    }),
  };
}

/** Its name says that it is an example: uploads of people are never taken for one. */
async function fileOf(files: Files, projectId: string, folder: string, filename: string): Promise<FileRow> {
  const shown = `example-${filename}`;
  const sha256 = hash('sha256', await readFile(join(folder, filename)));
  const known = await files.db
    .selectFrom('files')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('filename', '=', shown)
    .where('sha256', '=', sha256)
    .where('expires_at', 'is', null)
    .executeTakeFirst();
  return known ?? createFile(files, projectId, { filename: shown, purpose: 'fine-tune', body: createReadStream(join(folder, filename)) });
}
