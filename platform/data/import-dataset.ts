/** A file of any format becomes a version of a dataset. */
import type { Files } from './files.ts';
import { getFile, localPath } from './files.ts';
import { ensureDataset, type DatasetVersionRow } from './datasets.ts';
import type { DataRow } from './data-row.ts';
import { openSource, type OpenSource, type SourceOptions } from './read-source.ts';
import { writeVersion } from './write-version.ts';

export interface ImportOptions extends SourceOptions {
  /** Of the dataset; it is made when there is none of this name. */
  name: string;
  description?: string | undefined;
}

/** Rows that cannot be read are kept as invalid ones. Throws `file_not_found`, `invalid_request`, `disk_full`. */
export async function importFile(files: Files, projectId: string, fileId: string, options: ImportOptions): Promise<DatasetVersionRow> {
  const { filename, sha256 } = await getFile(files, projectId, fileId);
  return importPath(
    files,
    projectId,
    await localPath(files, projectId, fileId),
    { filename, file_id: fileId, file_sha256: sha256 },
    options,
  );
}

/** `origin` goes into the lineage; its `filename` is what people call the file. */
export async function importPath(
  files: Files,
  projectId: string,
  path: string,
  origin: { filename: string } & Record<string, unknown>,
  { name, description, ...options }: ImportOptions,
): Promise<DatasetVersionRow> {
  const source = await openSource(path, origin.filename, options);
  const dataset = await ensureDataset(files, projectId, name, description);
  const { container, format, kind } = source;
  const parameters = { ...origin, container, format, ...(options.columns && { columns: options.columns }) };
  return writeVersion(files, { dataset, kind, format, operation: 'import', parameters, parentId: null }, rowsOf(source));
}

async function* rowsOf(source: OpenSource): AsyncIterable<DataRow> {
  for await (const { row } of source.rows()) yield row;
}
