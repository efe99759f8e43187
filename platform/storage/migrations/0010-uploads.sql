-- Files that come in parts, and the keys by which a creation that is sent again has one effect.

create table idempotency_keys (
  project_id text not null references projects (id),
  resource text not null,
  key text not null,
  request_sha256 text not null,
  -- Kept when the resource is deleted: whoever sends the request again learns that it is gone, and makes no second one.
  resource_id text not null,
  created_at timestamptz not null default now(),
  primary key (project_id, resource, key)
);

create table uploads (
  id text primary key,
  project_id text not null references projects (id),
  filename text not null,
  purpose text not null,
  mime_type text not null,
  -- What the file will have; parts beyond it are refused.
  bytes double precision not null check (bytes > 0),
  -- Of the file, from its completion on; null keeps it.
  file_lifetime_seconds integer,
  state text not null default 'pending' check (state in ('pending', 'completed', 'cancelled')),
  -- As the completion named them, so that the same completion again is the same file.
  part_ids jsonb,
  file_id text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create table upload_parts (
  id text primary key,
  upload_id text not null references uploads (id),
  bytes double precision not null,
  sha256 text not null,
  object_key text not null,
  created_at timestamptz not null default now(),
  -- A part that is sent again, because its answer was lost, is the same part.
  unique (upload_id, sha256, bytes)
);
