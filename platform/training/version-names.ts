/** The public ids of what a run makes: `ft:{base}:{project}:{suffix}:{id8}`, and `:ckpt-step-N` behind it. */
import type { Db, RunRow } from './rows.ts';

export async function finalModelId(db: Db, run: RunRow): Promise<string> {
  const project = await db.selectFrom('projects').select('name').where('id', '=', run.project_id).executeTakeFirstOrThrow();
  return ['ft', run.base_model, withoutColons(project.name), withoutColons(run.suffix ?? ''), run.id.slice(-8)].join(':');
}

export async function checkpointModelId(db: Db, run: RunRow, step: number): Promise<string> {
  return `${await finalModelId(db, run)}:ckpt-step-${step}`;
}

/** A project may be called anything; the parts of an id are told apart by their colons. */
function withoutColons(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
}
