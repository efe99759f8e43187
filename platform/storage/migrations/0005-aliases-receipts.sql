-- Names that stand for a model version, with all their changes; and what was found when a version was compared with its training.

create table aliases (
  project_id text not null references projects (id),
  name text not null,
  model text not null,
  revision integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (project_id, name)
);

-- Kept when an alias is deleted: who asks later what answered under the name at some time finds it here.
create table alias_changes (
  project_id text not null references projects (id),
  name text not null,
  -- 1, 2, 3 … a name, without gaps.
  revision integer not null,
  action text not null check (action in ('set', 'rollback', 'delete')),
  model text,
  previous_model text,
  -- The revision that a rollback went back to.
  restores integer,
  reason text,
  at timestamptz not null default clock_timestamp(),
  primary key (project_id, name, revision)
);

-- One row a version: whether it answers as it was trained.
create table version_parity (
  model_id text primary key references model_versions (id),
  -- Hash of the adapter that was compared: a version whose step was trained again is compared again.
  adapter_sha256 text not null,
  state text not null check (state in ('measuring', 'passed', 'failed', 'not_measured')),
  -- ParityCertificate of the contract; null while it is measured.
  certificate jsonb,
  updated_at timestamptz not null default now()
);
