/** One row of a version put in another's place, or taken out, as a new version. */
import { PlatformError } from '#platform/core/errors.ts';
import type { DataRow } from './data-row.ts';
import { getDataset, type DatasetVersionRow } from './datasets.ts';
import { detectFormat } from './detect-format.ts';
import type { Files } from './files.ts';
import { formats } from './formats/index.ts';
import { readVersion } from './read-version.ts';
import { RowRefused } from './row-refused.ts';
import { writeVersion } from './write-version.ts';

/** `value` is a row in any format of the version's kind; null takes the row out. Throws `invalid_request`. */
export async function editRow(
  files: Files,
  version: DatasetVersionRow,
  number: number,
  value: Record<string, unknown> | null,
): Promise<DatasetVersionRow> {
  if (number > version.rows) throw new PlatformError('invalid_request', `row: the version has ${version.rows} rows`, { param: 'row' });
  const edited = value === null ? null : readValue(version, value);
  const dataset = await getDataset(files, version.project_id, version.dataset_id);
  const parameters = { row: number, change: value === null ? 'dropped' : 'replaced' };
  const { kind, format } = version;
  return writeVersion(
    files,
    { dataset, kind, format, operation: 'edit', parameters, parentId: version.id },
    changed(files, version, number, edited),
  );
}

function readValue(version: DatasetVersionRow, value: Record<string, unknown>): DataRow {
  const { format, reasons } = detectFormat([value]);
  if (format === null || formats[format].kind !== version.kind) {
    const what = format === null ? reasons.join('; ') : `it is of the kind ${formats[format].kind}`;
    throw new PlatformError('invalid_request', `value: the rows of this version are of the kind ${version.kind}, and ${what}`, {
      param: 'value',
    });
  }
  try {
    const [row, ...others] = formats[format].read(value);
    if (!row || others.length > 0) throw new RowRefused('it is more than one row');
    return row;
  } catch (error) {
    if (error instanceof RowRefused)
      throw new PlatformError('invalid_request', `value: ${error.message}`, { param: 'value', cause: error });
    throw error;
  }
}

async function* changed(files: Files, version: DatasetVersionRow, number: number, edited: DataRow | null): AsyncIterable<DataRow> {
  for await (const each of readVersion(files, version)) {
    if (each.number !== number) yield each.row;
    else if (edited) yield edited;
  }
}
