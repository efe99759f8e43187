-- Projects, keys, files, runs with their events and checkpoints, model versions.
-- Rows of one project are seen by that project only: every table that a caller can reach carries project_id.

create table projects (
  id text primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table api_keys (
  id text primary key,
  project_id text not null references projects (id),
  name text not null,
  role text not null check (role in ('viewer', 'member', 'admin', 'owner')),
  -- SHA-256 of the whole key, hex: 256 bits of randomness need no slow hash.
  secret_sha256 text not null unique,
  last_four text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);

create table files (
  id text primary key,
  project_id text not null references projects (id),
  filename text not null,
  purpose text not null,
  bytes double precision not null,
  sha256 text not null,
  object_key text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index files_by_project on files (project_id, created_at desc, id desc);

create table runs (
  id text primary key,
  project_id text not null references projects (id),
  state text not null check (state in ('validating_files', 'queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
  -- What the person asked for last; the reconciler brings the state to it.
  desired text not null default 'run' check (desired in ('run', 'pause', 'cancel')),
  base_model text not null,
  training_file text not null,
  validation_file text,
  suffix text,
  seed double precision not null,
  metadata jsonb not null default '{}',
  -- The frozen configuration: adapter, method, settings, and what was "auto" with the reason of each choice.
  config jsonb not null,
  idempotency_key text,
  request_sha256 text,
  -- The fencing token: 0 before the first start, one more at each start.
  attempt integer not null default 0,
  -- Whose reconciler looks after the run, and until when by the clock of the database.
  lease_owner text,
  lease_until timestamptz,
  -- What the launcher needs to find the attempt again after a restart.
  handle jsonb,
  -- How far the events of this attempt are stored; events after it are read from the worker's file.
  worker_seq integer not null default 0,
  last_seq integer not null default 0,
  step integer not null default 0,
  total_steps integer,
  eta_seconds double precision,
  best_step integer,
  trained_tokens double precision,
  fine_tuned_model text,
  result_file text,
  -- {cause, message, next_step, rows, row_count}
  failure jsonb,
  created_at timestamptz not null default now(),
  -- Orders the queue: a resumed run goes behind those that wait.
  queued_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  unique (project_id, idempotency_key)
);
create index runs_by_project on runs (project_id, created_at desc, id desc);
create index runs_to_do on runs (queued_at, id) where state in ('validating_files', 'queued', 'running');

create table run_events (
  run_id text not null references runs (id),
  -- 1, 2, 3 … a run, without gaps, stored before it is shown.
  seq integer not null,
  id text not null unique,
  at timestamptz not null,
  type text not null,
  level text not null default 'info' check (level in ('info', 'warn', 'error')),
  message text not null,
  data jsonb not null,
  primary key (run_id, seq)
);

create table checkpoints (
  id text primary key,
  run_id text not null references runs (id),
  step integer not null,
  model_id text not null unique,
  path text not null,
  manifest_sha256 text not null,
  metrics jsonb not null,
  created_at timestamptz not null default now(),
  removed_at timestamptz,
  unique (run_id, step)
);

-- Every servable version that a run made: final adapters and checkpoints. Base models are the catalogue's.
create table model_versions (
  id text primary key,
  project_id text not null references projects (id),
  base_model text not null,
  run_id text not null references runs (id),
  step integer,
  is_final boolean not null,
  -- Folder relative to the data directory, and the hash of its manifest.json and of its adapter.gguf.
  path text not null,
  manifest_sha256 text not null,
  adapter_sha256 text not null,
  created_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index model_versions_by_project on model_versions (project_id, created_at desc, id desc) where deleted_at is null;
