-- Plans: what a run would take, measured before it; and how each came true.

create table plans (
  id text primary key,
  project_id text not null references projects (id),
  state text not null check (state in ('measuring', 'ready', 'failed')),
  -- {message, next_step}
  failure jsonb,
  base_model text not null,
  training_file text not null,
  validation_file text,
  seed double precision not null,
  config jsonb not null,
  rows integer not null,
  trained_tokens double precision,
  total_steps integer,
  -- Which process measures, and when it is taken for dead.
  owner text not null,
  deadline timestamptz not null,
  measured_beside integer not null default 0,
  measured_steps integer not null default 0,
  measuring_seconds double precision not null default 0,
  -- The worker's figures as they came, and what was made of them: seconds, parts, bytes, each with its quantiles.
  measurement jsonb,
  estimate jsonb,
  created_at timestamptz not null default now()
);
create index plans_by_project on plans (project_id, created_at desc, id desc);

alter table runs add column plan_id text;

-- A row a finished run that was started from a plan. Kept when the plan is deleted: later plans are corrected by it.
create table plan_scores (
  run_id text primary key references runs (id),
  plan_id text not null,
  project_id text not null references projects (id),
  machine text not null,
  -- Before the correction by earlier runs.
  uncorrected_seconds double precision not null,
  uncorrected_memory_bytes double precision not null,
  -- {p50, p90}
  planned_seconds jsonb not null,
  planned_memory_bytes jsonb not null,
  actual_seconds double precision not null,
  actual_memory_bytes double precision not null,
  finished_at timestamptz not null default now()
);
create index plan_scores_by_project on plan_scores (project_id, finished_at desc, run_id desc);
create index plan_scores_by_machine on plan_scores (machine, finished_at desc);
