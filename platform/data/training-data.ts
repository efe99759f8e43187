/** What a run trains on: an uploaded file of any format, or a version of a dataset; as chats and texts, one JSON object a line. */
import { Readable } from 'node:stream';
import { rowKindsOf } from '#contract/method.ts';
import type { DataFormat, RowKind } from '#contract/row-formats.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { kindNames, rowLine } from './data-row.ts';
import { findVersion, isVersionReference, type DatasetVersionRow } from './datasets.ts';
import { fileSha256 } from '#platform/core/file-sha256.ts';
import { formats } from './formats/index.ts';
import { getFile, type FileRow, type Files } from './files.ts';
import { lookAt, openSource, type OpenSource } from './read-source.ts';
import { takeTurns } from './turns-of-work.ts';

export interface TrainingData {
  /** Of the file or of the version: `name@3` is resolved to what it names now. */
  id: string;
  name: string;
  bytes: number;
  /** Told from the rows; null for a file that is passed on as it came, because no format fits. */
  format: DataFormat | null;
  /** Whether the rows were written anew in the form that is trained on. */
  isConverted: boolean;
  open(): Promise<Readable>;
}

/** Formats that the worker reads as they are, one row a line. */
const native: ReadonlySet<DataFormat | null> = new Set<DataFormat | null>(['messages', 'completion', 'preference_openai', null]);
const convertedKey = (fileId: string): string => `converted/${fileId}`;

/**
 * A file of another format is written anew beside itself, a line for each of its rows. Throws `file_not_found`, `dataset_not_found`, and
 * `invalid_training_file` for a purpose or rows that are not for supervised training.
 */
export async function prepareTrainingData(
  files: Files,
  projectId: string,
  reference: string,
  kinds: readonly RowKind[] = rowKindsOf.supervised,
): Promise<TrainingData> {
  if (isVersionReference(reference)) return ofVersion(files, await findVersion(files, projectId, reference), kinds);
  const file = await getFile(files, projectId, reference);
  if (file.purpose !== 'fine-tune') {
    throw new PlatformError(
      'invalid_training_file',
      `${file.filename} was uploaded with purpose "${file.purpose}"; upload it with purpose "fine-tune"`,
    );
  }
  const path = files.objects.path(file.object_key);
  const asItIs = (format: DataFormat | null) => ofObject(files, file, format, file.object_key, false);
  if (path === null) return asItIs(null);
  const { container, detected } = await lookAt(path, file.filename);
  if (detected.format !== null) refuseKind(file.filename, formats[detected.format].kind, kinds);
  if (native.has(detected.format) && (container === 'jsonl' || detected.format === null)) return asItIs(detected.format);
  const source = await openSource(path, file.filename, { container });
  refuseKind(file.filename, source.kind, kinds);
  await files.objects.put(convertedKey(file.id), Readable.from(lines(source)));
  return ofObject(files, file, source.format, convertedKey(file.id), true);
}

/** Where the rows of a run are on this machine. Throws `file_not_found`, `dataset_not_found`. */
export async function trainingDataPath(files: Files, projectId: string, id: string): Promise<string> {
  const key = isVersionReference(id) ? (await findVersion(files, projectId, id)).object_key : await fileKey(files, projectId, id);
  const path = files.objects.path(key);
  if (path === null) throw new Error('the object store keeps its files elsewhere: a worker cannot read them by path');
  return path;
}

/** The version, or the converted file `hint`, whose rows have this hash as they are trained on; null when there is none any more. */
export async function findTrainingData(files: Files, projectId: string, sha256: string, hint: string): Promise<string | null> {
  const version = await files.db
    .selectFrom('dataset_versions')
    .select('id')
    .where('project_id', '=', projectId)
    .where('sha256', '=', sha256)
    .orderBy('created_at', 'desc')
    .executeTakeFirst();
  if (version) return version.id;
  const isThere = await getFile(files, projectId, hint).then(
    () => files.objects.exists(convertedKey(hint)),
    () => false,
  );
  return isThere && (await fileSha256(files.objects.path(convertedKey(hint))!)) === sha256 ? hint : null;
}

async function fileKey(files: Files, projectId: string, id: string): Promise<string> {
  const { object_key } = await getFile(files, projectId, id);
  return (await files.objects.exists(convertedKey(id))) ? convertedKey(id) : object_key;
}

function ofVersion(files: Files, version: DatasetVersionRow, kinds: readonly RowKind[]): TrainingData {
  refuseKind(version.id, version.kind, kinds);
  const { id, bytes, format, object_key } = version;
  return { id, name: id, bytes, format, isConverted: false, open: () => files.objects.get(object_key) };
}

function ofObject(files: Files, file: FileRow, format: DataFormat | null, key: string, isConverted: boolean): TrainingData {
  return { id: file.id, name: file.filename, bytes: file.bytes, format, isConverted, open: () => files.objects.get(key) };
}

function refuseKind(name: string, kind: OpenSource['kind'], kinds: readonly RowKind[]): void {
  if (kinds.includes(kind)) return;
  const [usual] = kinds;
  const method = usual === 'chat' ? 'supervised training' : 'this method';
  const fix =
    usual === 'chat'
      ? 'add it as a dataset and convert it, for example with "tuneloop data convert NAME --to chat"'
      : 'see docs/training.md for their form';
  throw new PlatformError('invalid_training_file', `${name} holds ${kindNames[kind]}, and ${method} takes ${kindNames[usual!]}: ${fix}`);
}

/** A row keeps the number of its line: where the file has blank lines, so has this. */
async function* lines(source: OpenSource): AsyncIterable<Buffer> {
  const turn = takeTurns();
  let written = 0;
  for await (const { number, row } of source.rows()) {
    const gap = Math.max(0, number - written - 1);
    written += gap + 1;
    yield Buffer.from(`${'\n'.repeat(gap)}${rowLine(row)}\n`);
    const others = turn();
    if (others) await others;
  }
}
