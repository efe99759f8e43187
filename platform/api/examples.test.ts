import { ExampleFiles, ExampleSetList } from '#contract/example.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
});
afterAll(() => test.close());

const copy = (name: string) => test.call(`/api/v1/examples/${name}/files`, { method: 'POST' });

it('lists the sets that ship with the platform, with questions that are not in their rows', async () => {
  const { data } = ExampleSetList.parse(await (await test.call('/api/v1/examples')).json());
  const demo = data.find(({ name }) => name === 'lumen-support')!;
  expect(demo).toMatchObject({ rows: 104, has_validation: true });
  expect(demo.questions.length).toBeGreaterThan(2);
});

it('makes files of a set that can be trained on, and no second ones', async () => {
  const first = ExampleFiles.parse(await (await copy('lumen-support')).json());
  const content = await (await test.call(`/v1/files/${first.training_file.id}/content`)).text();
  expect(content.trim().split('\n')).toHaveLength(104);
  expect(first.validation_file?.purpose).toBe('fine-tune');
  expect(await (await copy('lumen-support')).json()).toEqual(first);
  expect(ExampleFiles.parse(await (await copy('night-train')).json()).validation_file).toBeNull();
});

it.each(['none', '..%2F..%2Fpackage', 'lumen-support-heldout', '%00'])('knows no set called %s', async (name) => {
  const response = await copy(name);
  expect(response.status).toBe(404);
});
