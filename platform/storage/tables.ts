/** The rows of the database as TypeScript sees them; `migrations/` is what makes them. */
import type { Generated, JSONColumnType } from 'kysely';
import type { DataCheck, DatasetVersion, DataStats, TokenStats } from '#contract/datasets.ts';
import type { DataFormat, RowKind } from '#contract/row-formats.ts';
import type { ExportForm } from '#contract/model-export.ts';
import type { ParityCertificate } from '#contract/parity.ts';
import type { PlanFailure, Quantiles, RunEstimate } from '#contract/plan.ts';
import type { JobIntegration } from '#contract/openai/integrations.ts';
import type { RunConfig, RunFailure } from '#contract/training-run.ts';
import type { RunState } from '#contract/training.ts';
import type { MemoryPeaks, RunMeasured, RunStop } from '#contract/worker.ts';

export interface ProjectTable {
  id: string;
  name: string;
  created_at: Generated<Date>;
}

export interface ApiKeyTable {
  id: string;
  project_id: string;
  name: string;
  role: 'viewer' | 'member' | 'admin' | 'owner';
  secret_sha256: string;
  last_four: string;
  created_at: Generated<Date>;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

export interface SessionTable {
  id: string;
  key_id: string;
  secret_sha256: string;
  created_at: Generated<Date>;
  expires_at: Date;
}

export interface FileTable {
  id: string;
  project_id: string;
  filename: string;
  purpose: string;
  bytes: number;
  sha256: string;
  object_key: string;
  created_at: Generated<Date>;
  expires_at: Date | null;
}

export interface IdempotencyKeyTable {
  project_id: string;
  resource: string;
  key: string;
  request_sha256: string;
  resource_id: string;
  created_at: Generated<Date>;
}

export interface UploadTable {
  id: string;
  project_id: string;
  filename: string;
  purpose: string;
  mime_type: string;
  bytes: number;
  file_lifetime_seconds: number | null;
  state: Generated<'pending' | 'completed' | 'cancelled'>;
  part_ids: JSONColumnType<string[]> | null;
  file_id: string | null;
  created_at: Generated<Date>;
  expires_at: Date;
}

export interface UploadPartTable {
  id: string;
  upload_id: string;
  bytes: number;
  sha256: string;
  object_key: string;
  created_at: Generated<Date>;
}

export interface RunTable {
  id: string;
  project_id: string;
  state: RunState;
  desired: Generated<'run' | 'pause' | 'cancel' | 'stop'>;
  asked_seq: Generated<number>;
  base_model: string;
  training_file: string;
  validation_file: string | null;
  suffix: string | null;
  seed: number;
  metadata: JSONColumnType<Record<string, string>>;
  config: JSONColumnType<RunConfig>;
  integrations: JSONColumnType<JobIntegration[], string | undefined>;
  idempotency_key: string | null;
  request_sha256: string | null;
  attempt: Generated<number>;
  lease_owner: string | null;
  lease_until: Date | null;
  handle: JSONColumnType<Record<string, unknown>> | null;
  worker_seq: Generated<number>;
  last_seq: Generated<number>;
  step: Generated<number>;
  total_steps: number | null;
  eta_seconds: number | null;
  best_step: number | null;
  trained_tokens: number | null;
  fine_tuned_model: string | null;
  result_file: string | null;
  failure: JSONColumnType<RunFailure> | null;
  plan_id: string | null;
  stop: JSONColumnType<RunStop> | null;
  memory_peaks: JSONColumnType<MemoryPeaks> | null;
  created_at: Generated<Date>;
  queued_at: Generated<Date>;
  started_at: Date | null;
  finished_at: Date | null;
}

export interface RunEventTable {
  run_id: string;
  seq: number;
  id: string;
  at: Date;
  type: string;
  level: Generated<'info' | 'warn' | 'error'>;
  message: string;
  data: JSONColumnType<Record<string, unknown>>;
}

export interface RunReportTable {
  run_id: string;
  tracker: string;
  seq: Generated<number>;
  place: JSONColumnType<Record<string, unknown>> | null;
  ended_at: Date | null;
  failure: string | null;
}

export interface CheckpointTable {
  id: string;
  run_id: string;
  step: number;
  model_id: string;
  path: string;
  manifest_sha256: string;
  metrics: JSONColumnType<Record<string, number | null>>;
  created_at: Generated<Date>;
  removed_at: Date | null;
}

export interface ModelVersionTable {
  id: string;
  project_id: string;
  base_model: string;
  run_id: string;
  step: number | null;
  is_final: boolean;
  path: string;
  manifest_sha256: string;
  adapter_sha256: string;
  created_at: Generated<Date>;
  deleted_at: Date | null;
}

export interface AliasTable {
  project_id: string;
  name: string;
  model: string;
  revision: number;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

export interface AliasChangeTable {
  project_id: string;
  name: string;
  revision: number;
  action: 'set' | 'rollback' | 'delete';
  model: string | null;
  previous_model: string | null;
  restores: number | null;
  reason: string | null;
  at: Generated<Date>;
}

export interface VersionParityTable {
  model_id: string;
  adapter_sha256: string;
  state: 'measuring' | 'passed' | 'failed' | 'not_measured';
  certificate: JSONColumnType<ParityCertificate> | null;
  updated_at: Generated<Date>;
}

export interface ModelExportTable {
  project_id: string;
  model_id: string;
  form: ExportForm;
  state: 'queued' | 'running' | 'ready' | 'failed';
  failure: JSONColumnType<{ code: string; message: string }> | null;
  path: string;
  created_at: Generated<Date>;
  finished_at: Date | null;
}

export interface PlanTable {
  id: string;
  project_id: string;
  state: 'measuring' | 'ready' | 'failed';
  failure: JSONColumnType<PlanFailure> | null;
  base_model: string;
  training_file: string;
  validation_file: string | null;
  seed: number;
  config: JSONColumnType<RunConfig>;
  rows: number;
  trained_tokens: number | null;
  total_steps: number | null;
  owner: string;
  deadline: Date;
  measured_beside: Generated<number>;
  measured_steps: Generated<number>;
  measuring_seconds: Generated<number>;
  measurement: JSONColumnType<RunMeasured> | null;
  estimate: JSONColumnType<RunEstimate> | null;
  created_at: Generated<Date>;
}

export interface PlanScoreTable {
  run_id: string;
  plan_id: string;
  project_id: string;
  machine: string;
  uncorrected_seconds: number;
  uncorrected_memory_bytes: number;
  planned_seconds: JSONColumnType<Quantiles>;
  planned_memory_bytes: JSONColumnType<Quantiles>;
  actual_seconds: number;
  actual_memory_bytes: number;
  finished_at: Generated<Date>;
}

export interface DatasetTable {
  id: string;
  project_id: string;
  name: string;
  description: Generated<string>;
  created_at: Generated<Date>;
}

export interface DatasetVersionTable {
  id: string;
  dataset_id: string;
  project_id: string;
  version: number;
  kind: RowKind;
  format: DataFormat;
  rows: number;
  invalid_rows: number;
  bytes: number;
  sha256: string;
  object_key: string;
  row_offsets: JSONColumnType<number[]>;
  operation: DatasetVersion['operation'];
  parameters: JSONColumnType<Record<string, unknown>>;
  parent_id: string | null;
  stats: JSONColumnType<DataStats>;
  token_stats: JSONColumnType<Record<string, TokenStats>, string | undefined>;
  report: JSONColumnType<DataCheck> | null;
  created_at: Generated<Date>;
}

export interface Tables {
  projects: ProjectTable;
  api_keys: ApiKeyTable;
  sessions: SessionTable;
  files: FileTable;
  idempotency_keys: IdempotencyKeyTable;
  uploads: UploadTable;
  upload_parts: UploadPartTable;
  runs: RunTable;
  datasets: DatasetTable;
  dataset_versions: DatasetVersionTable;
  run_events: RunEventTable;
  run_reports: RunReportTable;
  checkpoints: CheckpointTable;
  model_versions: ModelVersionTable;
  plans: PlanTable;
  plan_scores: PlanScoreTable;
  aliases: AliasTable;
  alias_changes: AliasChangeTable;
  version_parity: VersionParityTable;
  model_exports: ModelExportTable;
}
