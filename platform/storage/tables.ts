/** The rows of the database as TypeScript sees them; `migrations/` is what makes them. */
import type { Generated, JSONColumnType } from 'kysely';
import type { RunConfig, RunFailure } from '#contract/training-run.ts';
import type { RunState } from '#contract/training.ts';

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

export interface RunTable {
  id: string;
  project_id: string;
  state: RunState;
  desired: Generated<'run' | 'pause' | 'cancel'>;
  base_model: string;
  training_file: string;
  validation_file: string | null;
  suffix: string | null;
  seed: number;
  metadata: JSONColumnType<Record<string, string>>;
  config: JSONColumnType<RunConfig>;
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

export interface Tables {
  projects: ProjectTable;
  api_keys: ApiKeyTable;
  files: FileTable;
  runs: RunTable;
  run_events: RunEventTable;
  checkpoints: CheckpointTable;
  model_versions: ModelVersionTable;
}
