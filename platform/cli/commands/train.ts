/** `tuneloop train`: uploads the files, starts the run, and watches it. */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import type { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import { wholeNumber, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { runFields } from '../find-run.ts';
import { extensionsFrom, readAssignment, settingsFlags } from '../settings-flags.ts';
import { reportEnd, watchRun } from '../watch-run.ts';

const usualModel = 'smollm2-135m-instruct';

export const command: Command = {
  words: [['<file>', 'JSONL with one chat a line, or the id of an uploaded file']],
  flags: [
    { flags: '-m, --model <id>', description: `base model (${usualModel})` },
    { flags: '--validation <file>', description: 'JSONL to evaluate on, or the id of an uploaded file' },
    { flags: '--suffix <name>', description: 'part of the name of the tuned model' },
    { flags: '--seed <number>', description: 'same seed, same data: same model', parse: wholeNumber(0) },
    { flags: '--recipe <file>', description: 'YAML with any of these settings, see examples/recipes; flags win over it' },
    { flags: '--set <name=value>', description: 'any setting by its name; may be repeated', parse: readAssignment },
    { flags: '--wait', description: 'show nothing until the end' },
    { flags: '--no-watch', description: 'start the run and come back at once' },
    { flags: '--timeout <seconds>', description: 'stop watching after so long (exit code 124); the run goes on', parse: wholeNumber(1) },
    ...settingsFlags,
  ],
  examples: [
    'tuneloop train examples/data/lumen-support.jsonl --suffix lumen',
    'tuneloop train rows.jsonl --validation held-out.jsonl --n-epochs 5 --learning-rate 1e-3',
    'tuneloop train rows.jsonl --recipe examples/recipes/mistral-7b-lora.yaml --set adapter.r=32 --no-watch --json id',
  ],
  fields: runFields,
  async run(context, { words: [file], flags }) {
    if (flags.wait && flags.watch === false)
      throw new CliError('usage', '--wait and --no-watch exclude each other', { fix: 'leave one of them out' });
    const recipe = flags.recipe ? readRecipe(flags.recipe as string) : {};
    const client = await context.client();
    const body = {
      ...recipe,
      model: flags.model ?? recipe.model ?? usualModel,
      training_file: await fileId(context, client, file!),
      ...(flags.validation ? { validation_file: await fileId(context, client, flags.validation as string) } : {}),
      ...(flags.suffix === undefined ? {} : { suffix: flags.suffix }),
      ...(flags.seed === undefined ? {} : { seed: flags.seed }),
      ...merged(recipe.extensions, extensionsFrom(flags)),
    };
    const job = await client.create<FineTuningJob>('/v1/fine_tuning/jobs', body);
    context.out.note(`${job.id}  ${job.model}`);
    if (flags.watch === false) {
      context.out.print(job, () => `${job.id} is ${job.status}\n  watch it  tuneloop run watch ${job.id}`);
      return 0;
    }
    // The result is the answer, so JSON of a watched run is its events, and of --wait the run as it ended.
    const run = await watchRun(context, client, job.id, {
      quiet: flags.wait === true,
      timeoutSeconds: flags.timeout as number | undefined,
    });
    if (flags.wait && run) context.out.print(run, () => `${run.id} is ${run.status}`);
    return reportEnd(context, run);
  },
};

interface Recipe extends Record<string, unknown> {
  model?: string;
  extensions?: Record<string, unknown>;
}

function readRecipe(path: string): Recipe {
  try {
    const recipe: unknown = parseYaml(readFileSync(path, 'utf8'));
    if (typeof recipe === 'object' && recipe !== null) return recipe as Recipe;
    throw new Error('it holds no settings');
  } catch (error) {
    throw new CliError('usage', `the recipe ${path} cannot be read: ${(error as Error).message}`, {
      fix: 'ls examples/recipes',
      cause: error,
    });
  }
}

/** Flags over the recipe, setting by setting. */
function merged(
  recipe: Record<string, unknown> | undefined,
  flags: Record<string, unknown> | undefined,
): { extensions?: Record<string, unknown> } {
  if (!flags) return {};
  const adapter = { ...(recipe?.adapter as object | undefined), ...(flags.adapter as object | undefined) };
  return { extensions: { ...recipe, ...flags, ...(Object.keys(adapter).length > 0 ? { adapter } : {}) } };
}

/** Ids of the platform are passed on; anything else is a file here. */
async function fileId({ out }: Context, client: Client, fileOrId: string): Promise<string> {
  if (/^file-[A-Za-z0-9]+$/.test(fileOrId)) return fileOrId;
  try {
    const { id, bytes } = await client.upload(fileOrId, 'fine-tune');
    out.note(`${fileOrId} → ${id} (${bytes.toLocaleString('en-US')} bytes)`);
    return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE')
      throw error;
    throw new CliError('usage', `there is no file ${fileOrId}`, { fix: 'tuneloop train examples/data/lumen-support.jsonl', cause: error });
  }
}
