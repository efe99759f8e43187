import { expect, it } from 'vitest';
import { describeDatabases } from '#platform/storage/test-databases.ts';
import { readStepRows } from './step-rows.ts';
import { project, useTrainings } from './test-training.ts';

describeDatabases('the rows of a step', (database) => {
  const open = useTrainings(database);

  it('are those that its report names, as they stand in the training file', async () => {
    const training = await open({ script: { steps: 12 } });
    const { id } = await training.submit();
    await training.ended(id);
    const { data, loss, first_step: first, last_step: last } = await readStepRows(training, project, id, 4);
    expect({ first, last, loss }).toEqual({ first: 4, last: 4, loss: 1 / 4 });
    expect(data.map(({ row }) => row)).toEqual([4]);
    expect(data[0]!.value).toMatchObject({ messages: [{ content: 'What is 3?' }, { content: '3 is 3.' }] });
    expect((await readStepRows(training, project, id, 12)).data[0]!.row).toBe(2);
  });

  it('cannot be told of a step that was not trained, nor of a run of another project', async () => {
    const training = await open({ script: { steps: 3 } });
    const { id } = await training.submit();
    await training.ended(id);
    await expect(readStepRows(training, project, id, 4)).rejects.toMatchObject({ code: 'invalid_request', param: 'step' });
    await expect(readStepRows(training, 'proj_other', id, 1)).rejects.toMatchObject({ code: 'run_not_found' });
  });
});
