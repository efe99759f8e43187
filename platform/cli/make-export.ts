/** Asks for a form of a model, waits until it is there, and fetches its files where somebody wants them. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as wait } from 'node:timers/promises';
import type { ExportForm, ModelExport } from '#contract/model-export.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import type { Flag } from './command.ts';
import type { Context } from './context.ts';
import { exitCodes } from './error-help.ts';

/** Between two looks at an export that is under way. */
const pollMs = 500;

export const exportFlags: Flag[] = [
  {
    flags: '-o, --output <folder>',
    description: 'also fetch the files into this folder; left out, they stay on the machine of the platform',
  },
];
export const exportFields = 'object model form state progress failure created_at finished_at path bytes files'.split(' ');

/** Throws `export_failed` with the platform's own reason. Ctrl-C lets it go on. */
export async function makeExport(context: Context, model: string, form: ExportForm, output: unknown): Promise<number> {
  const { out } = context;
  const client = await context.client();
  const interrupted = context.interrupted();
  const path = `/api/v1/models/${encodeURIComponent(model)}/exports`;
  let made = await client.ask<ModelExport>(path, { method: 'POST', body: { form } });
  let shown = '';
  while (made.state === 'queued' || made.state === 'running') {
    const now = made.progress ? `${made.progress.phase} (${made.progress.step} of ${made.progress.steps})` : made.state;
    if (now !== shown) out.note(`  ${(shown = now)}`);
    await wait(pollMs, undefined, { signal: interrupted }).catch(() => undefined);
    if (interrupted.aborted) {
      out.note(
        `\nit goes on without you\n  look at it  tuneloop model exports ${model}\n  end it      tuneloop model exports ${model} --rm ${form}`,
      );
      return exitCodes.interrupted;
    }
    made = await client.ask<ModelExport>(`${path}/${form}`);
  }
  if (made.failure) throw new CliError('export_failed', made.failure.message, { why: made.failure.code });
  if (typeof output === 'string') made = { ...made, path: await fetchFiles(client, `${path}/${form}`, made, output) };
  out.print(made, () => describeExport(made));
  return exitCodes.ok;
}

export function describeExport({ form, state, path, bytes, files, failure, progress }: ModelExport): string {
  if (failure) return `✗ ${form}  ${failure.message}`;
  if (path === null) return `… ${form}  ${progress?.phase ?? state}`;
  const lines = files.map((file) => `    ${file.path}  ${(file.size / 1e6).toFixed(1)} MB  sha256 ${file.sha256.slice(0, 16)}…`);
  return [`✓ ${form}  ${((bytes ?? 0) / 1e6).toFixed(1)} MB in ${path}`, ...lines].join('\n');
}

/** Returns the folder's full path. */
async function fetchFiles(client: Client, path: string, { files }: ModelExport, output: string): Promise<string> {
  const folder = resolve(output);
  await mkdir(folder, { recursive: true });
  for (const file of files) {
    const response = await client.fetch(`${path}/files/${encodeURIComponent(file.path)}`);
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(join(folder, file.path)));
  }
  return folder;
}
