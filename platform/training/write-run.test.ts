import { expect, it } from 'vitest';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { listEvents } from './run-events.ts';
import { insertTestRun } from './test-run.ts';
import { writeRun } from './write-run.ts';

describeDatabases('writing a run', (database) => {
  const db = () => database.current.db;
  const seqsOf = async (id: string): Promise<number[]> => {
    const { data } = await listEvents({ db: db() }, 'proj_default', id, { limit: 1000, order: 'asc' });
    return data.map((event) => event.seq);
  };
  const note = (message: string) => ({ type: 'log', message, data: { message } });

  it('numbers events from 1 without gaps, also when many write at once', async () => {
    const { id } = await insertTestRun(db());
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        writeRun(
          db(),
          { id },
          { step: index },
          Array.from({ length: index % 4 }, (_, part) => note(`${index}.${part}`)),
        ),
      ),
    );
    expect(await seqsOf(id)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect((await db().selectFrom('runs').select('last_seq').where('id', '=', id).executeTakeFirstOrThrow()).last_seq).toBe(60);
  });

  it('keeps the events of one write together and in order', async () => {
    const { id } = await insertTestRun(db());
    await Promise.all(
      ['a', 'b', 'c'].map((letter) => writeRun(db(), { id }, {}, [note(`${letter}1`), note(`${letter}2`), note(`${letter}3`)])),
    );
    const { data } = await listEvents({ db: db() }, 'proj_default', id, { limit: 100, order: 'asc' });
    const triples = [0, 3, 6].map((start) => data.slice(start, start + 3).map((event) => event.message));
    for (const triple of triples) expect(triple).toEqual(['1', '2', '3'].map((part) => triple[0]![0] + part));
    expect(data[0]!.data).toEqual({ message: data[0]!.message });
  });

  it('refuses an older attempt, a lost lease, and an event that is stored already; and then nothing is changed', async () => {
    const { id } = await insertTestRun(db(), { state: 'running', attempt: 2, lease_owner: 'me' });
    const guard = { id, attempt: 2, owner: 'me', workerSeq: 0 };
    for (const wrong of [
      { ...guard, attempt: 1 },
      { ...guard, owner: 'other' },
      { ...guard, workerSeq: 3 },
      { ...guard, desired: ['cancel'] as const },
    ]) {
      expect(await writeRun(db(), wrong, { step: 99 }, [note('wrong')])).toBeNull();
    }
    expect(await writeRun(db(), guard, { worker_seq: 1, step: 5 }, [note('right')])).toMatchObject({ step: 5, last_seq: 1, worker_seq: 1 });
    expect(await writeRun(db(), guard, { worker_seq: 1, step: 6 }, [note('again')])).toBeNull();
    expect(await seqsOf(id)).toEqual([1]);
  });

  it('lets one of many win the same transition', async () => {
    const { id } = await insertTestRun(db(), { state: 'running' });
    const transitions = (['succeed', 'cancel', 'fail', 'pause'] as const).flatMap((transition) =>
      Array.from({ length: 5 }, () => transition),
    );
    const written = await Promise.all(
      transitions.map((transition) => writeRun(db(), { id, state: 'running', transition }, {}, [note(transition)])),
    );
    expect(written.filter((row) => row !== null)).toHaveLength(1);
    expect(await seqsOf(id)).toEqual([1]);
  });
});
