-- Datasets: a name, and versions that never change. The rows of a version are canonical JSONL in the object store.

create table datasets (
  id text primary key,
  project_id text not null references projects (id),
  name text not null,
  description text not null default '',
  created_at timestamptz not null default now(),
  unique (project_id, name)
);
create index datasets_by_project on datasets (project_id, created_at desc, id desc);

create table dataset_versions (
  id text primary key,
  dataset_id text not null references datasets (id) on delete cascade,
  project_id text not null references projects (id),
  version integer not null,
  kind text not null check (kind in ('chat', 'text', 'preference', 'unpaired', 'prompt')),
  -- What it came in, and goes out in unless another format is named.
  format text not null,
  rows double precision not null,
  invalid_rows double precision not null,
  bytes double precision not null,
  -- Of the canonical JSONL: the content is the version's address within its dataset.
  sha256 text not null,
  object_key text not null,
  -- Byte at which every 1,000th row begins, so that a page of rows is read without those before it.
  row_offsets jsonb not null,
  operation text not null check (operation in ('import', 'fix', 'edit', 'split', 'convert')),
  parameters jsonb not null,
  -- The version it was made from; kept when that one is deleted.
  parent_id text,
  stats jsonb not null,
  -- By base model.
  token_stats jsonb not null default '{}',
  -- The last report of its quality, with every row that was found.
  report jsonb,
  created_at timestamptz not null default now(),
  unique (dataset_id, version),
  unique (dataset_id, sha256)
);
