-- A run may be told to stop with the weights it has, and be asked for probes and kept steps while it goes on.

alter table runs drop constraint runs_desired_check;
alter table runs add constraint runs_desired_check check (desired in ('run', 'pause', 'cancel', 'stop'));
-- Seq of the last event by which a person asked something of the run: when it grows, its worker is told.
alter table runs add column asked_seq integer not null default 0;
-- Probes and their answers are few among the many steps of a run.
create index run_events_by_type on run_events (run_id, type, seq);
