-- How far each tracker was told of each run: what it missed while it was away is sent from here on.

create table run_reports (
  run_id text not null references runs (id) on delete cascade,
  tracker text not null,
  -- Seq of the last event that it was told of.
  seq integer not null default 0,
  -- What the tracker calls the run, in its own words.
  place jsonb,
  ended_at timestamptz,
  failure text,
  primary key (run_id, tracker)
);

alter table runs add column integrations jsonb not null default '[]';
