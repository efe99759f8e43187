-- Why a run ended before its last step with a model, and what each phase of its newest attempt held in memory.

alter table runs add column stop jsonb;
alter table runs add column memory_peaks jsonb;
