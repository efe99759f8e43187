/** Rows of the database as the wire shows them: datasets and their versions. */
import type { Dataset, DatasetVersion } from '#contract/datasets.ts';
import type { DatasetRow, DatasetVersionRow } from '#platform/data/datasets.ts';
import { unixSeconds } from './list-page.ts';

export function viewDatasetVersion(row: DatasetVersionRow, dataset: string): DatasetVersion {
  const { id, dataset_id, version, sha256, bytes, rows, invalid_rows, kind, format, operation, parameters, parent_id, report, stats } = row;
  return {
    id,
    object: 'dataset.version',
    dataset_id,
    dataset,
    version,
    created_at: unixSeconds(row.created_at),
    sha256,
    bytes,
    rows,
    invalid_rows,
    kind,
    format,
    operation,
    parameters,
    parent_id,
    health: report?.health ?? null,
    findings: report?.findings.length ?? null,
    checked_at: report?.created_at ?? null,
    stats,
  };
}

/** `versions` newest first. */
export function viewDataset(row: DatasetRow, versions: DatasetVersionRow[]): Dataset {
  const [latest] = versions;
  return {
    id: row.id,
    object: 'dataset',
    created_at: unixSeconds(row.created_at),
    name: row.name,
    description: row.description,
    versions: versions.length,
    latest: latest ? viewDatasetVersion(latest, row.name) : null,
  };
}
