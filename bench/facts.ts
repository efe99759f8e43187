/** What a model knows after a run with every hyperparameter on "auto": held-out paraphrases answered right, before and after, set by set. */
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { Client } from '#platform/cli/client.ts';
import { projectRoot } from '#platform/config.ts';
import { askAll, type HeldOut, readHeldOut, type Reply } from '../scripts/demo/held-out.ts';
import { type RunningPlatform, untilSucceeded, withQuietPlatform } from '../tests/running-platform.ts';
import type { Figure } from './report.ts';

const model = 'smollm2-135m-instruct';
const dataFolder = join(projectRoot, 'examples/data');
const goalShare = 0.8;

interface FactSet {
  name: string;
  trainingFile: string;
  validationFile: string | null;
  heldOut: HeldOut[];
}

/** Every NAME.jsonl in examples/data that has a NAME-heldout.jsonl beside it. */
function factSets(): FactSet[] {
  const names = readdirSync(dataFolder).filter((file) => file.endsWith('-heldout.jsonl'));
  return names.sort().map((file) => {
    const name = file.slice(0, -'-heldout.jsonl'.length);
    const validationFile = join(dataFolder, `${name}-validation.jsonl`);
    return {
      name,
      trainingFile: join(dataFolder, `${name}.jsonl`),
      validationFile: existsSync(validationFile) ? validationFile : null,
      heldOut: readHeldOut(join(dataFolder, file)),
    };
  });
}

/** The id of the model that a run on this set ends with, and the seconds it took. */
async function tune(platform: RunningPlatform, set: FactSet): Promise<{ tuned: string; seconds: number }> {
  const client = new OpenAI({ apiKey: platform.key, baseURL: `${platform.url}/v1` });
  const upload = (path: string) => client.files.create({ file: createReadStream(path), purpose: 'fine-tune' });
  const training = await upload(set.trainingFile);
  const validation = set.validationFile === null ? null : await upload(set.validationFile);
  const started = performance.now();
  const job = await client.fineTuning.jobs.create({ model, training_file: training.id, validation_file: validation?.id ?? null });
  const ended = await untilSucceeded(client, job.id, 500);
  return { tuned: ended.fine_tuned_model!, seconds: (performance.now() - started) / 1000 };
}

const shareRight = (replies: Reply[]): number => replies.filter(({ isRight }) => isRight).length / replies.length;

async function measure(platform: RunningPlatform, set: FactSet): Promise<Figure[]> {
  const client = new Client(platform.url, platform.key);
  const before = shareRight(await askAll(client, model, set.heldOut, null));
  const { tuned, seconds } = await tune(platform, set);
  const after = shareRight(await askAll(client, tuned, set.heldOut, null));
  return [
    { name: `${set.name}: right before`, value: before, unit: 'share' },
    { name: `${set.name}: right after`, value: after, unit: 'share', goal: `>= ${goalShare}`, holds: after >= goalShare },
    { name: `${set.name}: the run`, value: seconds, unit: 's' },
  ];
}

export async function run(): Promise<Figure[]> {
  return withQuietPlatform(async (platform) => {
    const figures: Figure[] = [];
    for (const set of factSets()) figures.push(...(await measure(platform, set)));
    return figures;
  });
}
