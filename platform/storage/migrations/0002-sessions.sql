-- Sign-ins of the dashboard. A session is worth what its key is worth: it ends with the key, or at its own time.

create table sessions (
  id text primary key,
  key_id text not null references api_keys (id) on delete cascade,
  -- SHA-256 of the cookie's value, hex: 256 bits of randomness need no slow hash.
  secret_sha256 text not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sessions_by_end on sessions (expires_at);
