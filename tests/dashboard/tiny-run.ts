/** A short real run of the tiny model at a running platform, and what the API says of it. */
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { testModelId } from '#platform/training/test-models.ts';
import { trainingRows } from '#platform/training/test-training.ts';
import type { RunningPlatform } from '../running-platform.ts';

type Address = Pick<RunningPlatform, 'url' | 'key'>;

export async function callApi<Answer>({ url, key }: Address, path: string, body?: unknown): Promise<Answer> {
  const isForm = body instanceof FormData;
  const answer = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && !isForm && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

/** So many rows, each so many times: more of the same make a longer run that learns as fast. */
export async function uploadRows(platform: Address, count: number = 40, times: number = 1): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'fine-tune');
  form.set('file', new Blob(Array.from({ length: times }, () => trainingRows(count))), 'rows.jsonl');
  return (await callApi<{ id: string }>(platform, '/v1/files', form)).id;
}

/** 40 rows, 2 at a time: 20 steps an epoch. */
export async function startTinyRun(platform: Address, file: string, { epochs = 50, ...extensions }: Record<string, unknown> = {}) {
  return callApi<TrainingRun>(platform, '/v1/fine_tuning/jobs', {
    model: testModelId,
    training_file: file,
    validation_file: file,
    suffix: 'tiny',
    extensions: {
      n_epochs: epochs,
      batch_size: 2,
      learning_rate: 1e-3,
      save_steps: 50,
      threads: 1,
      probes: { prompts: [{ prompt: 'What is 7 ?', reference: '7 is 7.' }] },
      ...extensions,
    },
  });
}

export const readRun = (platform: Address, id: string) => callApi<TrainingRun>(platform, `/api/v1/training/jobs/${id}`);

/** The newest 1,000 of them, newest first. */
export async function readEvents(platform: Address, id: string): Promise<TrainingRunEvent[]> {
  return (await callApi<{ data: TrainingRunEvent[] }>(platform, `/api/v1/training/jobs/${id}/events?limit=1000`)).data;
}
