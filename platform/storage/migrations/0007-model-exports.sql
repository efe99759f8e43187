-- Models in forms that other programs load; what is in each is in its manifest on disk.

create table model_exports (
  project_id text not null references projects (id),
  model_id text not null,
  form text not null,
  state text not null check (state in ('queued', 'running', 'ready', 'failed')),
  failure jsonb,
  -- Relative to the data folder.
  path text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (project_id, model_id, form)
);
