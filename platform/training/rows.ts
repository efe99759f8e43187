/** The rows of this room's tables as they are read. */
import type { Kysely, Selectable } from 'kysely';
import type { CheckpointTable, ModelVersionTable, RunEventTable, RunTable, Tables } from '#platform/storage/tables.ts';

export type RunRow = Selectable<RunTable>;
export type RunEventRow = Selectable<RunEventTable>;
export type CheckpointRow = Selectable<CheckpointTable>;
export type ModelVersionRow = Selectable<ModelVersionTable>;
export type Db = Kysely<Tables>;
