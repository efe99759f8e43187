import { expect, it } from 'vitest';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { aliasTarget, deleteAlias, getAlias, listAliases, previousModel, rollBackAlias, setAlias } from './aliases.ts';

const project = 'proj_default';

describeDatabases('aliases', (database) => {
  const parts = () => ({ db: database.current.db, baseModels: { catalog: [{ id: 'one' }, { id: 'two' }, { id: 'three' }] } });
  const set = (name: string, model: string) => setAlias(parts(), project, { name, model, reason: null });
  const rollBack = async (name: string) =>
    rollBackAlias(parts(), project, { name, expected: await previousModel(parts(), project, name), reason: null });

  it('count their changes without a gap, however many change one at once', async () => {
    const models = Array.from({ length: 24 }, (_, index) => ['one', 'two', 'three'][index % 3]!);
    await Promise.all(models.map((model) => set('busy', model)));
    const { history, revision, model } = await getAlias(parts(), project, 'busy');
    expect(history.map((change) => change.revision)).toEqual(Array.from({ length: revision }, (_, index) => revision - index));
    for (const [index, change] of history.entries()) expect(change.previous_model).toBe(history[index + 1]?.model ?? null);
    expect(history[0]!.model).toBe(model);
  });

  it('are undone one change after the other, and not when someone else was quicker', async () => {
    for (const model of ['one', 'two', 'three']) await set('undone', model);
    const stale = await previousModel(parts(), project, 'undone');
    await set('undone', 'one');
    await expect(rollBackAlias(parts(), project, { name: 'undone', expected: stale, reason: null })).rejects.toMatchObject({
      code: 'invalid_state',
    });
    const models = [];
    for (let count = 0; count < 3; count++) models.push((await rollBack('undone')).model);
    expect(models).toEqual(['three', 'two', 'one']);
    await expect(rollBack('undone')).rejects.toMatchObject({ code: 'invalid_state' });
  });

  it('belong to one project', async () => {
    await parts().db.insertInto('projects').values({ id: 'proj_other', name: 'other' }).execute();
    await set('mine', 'one');
    expect(await aliasTarget(parts(), 'proj_other', 'mine')).toBeNull();
    expect(await listAliases(parts(), 'proj_other')).toEqual([]);
    await expect(deleteAlias(parts(), 'proj_other', 'mine')).rejects.toMatchObject({ code: 'alias_not_found' });
    expect(await aliasTarget(parts(), project, 'mine')).toBe('one');
  });
});
