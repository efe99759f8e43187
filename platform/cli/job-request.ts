/** The request of a job as the terminal puts it together: file, recipe and flags; `train` and `plan` send the same one. */
import { existsSync, readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { parse as parseYaml } from 'yaml';
import { Adapter } from '#contract/adapter.ts';
import { Method } from '#contract/method.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import { type Flag, type Input, wholeNumber } from './command.ts';
import type { Context } from './context.ts';
import { extensionsFrom, readAssignment, settingsFlags } from './settings-flags.ts';

const methods = Method.options.map((option) => option.shape.type.value);
const adapters = Adapter.options.map((option) => option.shape.type.value);

const oneOf =
  (known: string[]) =>
  (text: string): string => {
    if (!known.includes(text)) throw new RangeError(`takes one of ${known.join(', ')}`);
    return text;
  };

const usualModel = 'smollm2-135m-instruct';

export const jobWords: [string, string][] = [
  ['[file]', 'a file of rows, the id of an uploaded one, or a dataset (NAME@VERSION); a recipe may name it as training_file'],
];

export const jobFlags: Flag[] = [
  { flags: '-m, --model <id>', description: `base model (${usualModel})` },
  { flags: '--validation <file>', description: 'rows to evaluate on: a file, the id of an uploaded one, or NAME@VERSION' },
  { flags: '--suffix <name>', description: 'part of the name of the tuned model' },
  {
    flags: `--method <${methods.join('|')}>`,
    description: 'what is learnt from the rows (supervised); its options by --set method.name=value',
    parse: oneOf(methods),
  },
  {
    flags: '--adapter <kind>',
    description: `what is trained (lora): ${adapters.join(', ')}; its options are flags too`,
    parse: oneOf(adapters),
  },
  { flags: '--seed <number>', description: 'same seed, same data: same model', parse: wholeNumber(0) },
  {
    flags: '-f, --recipe <file>',
    description: 'YAML with any of these settings, see examples/recipes; flags win over it; - reads it from stdin',
  },
  { flags: '--set <name=value>', description: 'any setting by its name; may be repeated', parse: readAssignment },
];
/** Comes last in the help: there are many. */
export const jobSettingsFlags = settingsFlags;

/** The body of the request; files of this machine are uploaded. Throws `usage`. */
export async function jobRequest(context: Context, client: Client, { words: [file], flags }: Input): Promise<JobRequest> {
  const recipe = flags.recipe ? await readRecipe(context, flags.recipe as string) : {};
  const trainingFile = file ?? recipe.training_file;
  if (trainingFile === undefined) {
    throw new CliError('usage', 'there is nothing to train on', { fix: 'tuneloop train examples/data/lumen-support.jsonl' });
  }
  const validationFile = (flags.validation as string | undefined) ?? recipe.validation_file;
  return {
    ...recipe,
    model: (flags.model as string | undefined) ?? recipe.model ?? usualModel,
    training_file: await fileId(context, client, trainingFile),
    ...(validationFile ? { validation_file: await fileId(context, client, validationFile) } : {}),
    ...(flags.suffix === undefined ? {} : { suffix: flags.suffix }),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    ...merged(recipe.extensions, extensionsFrom(flags)),
  };
}

interface Recipe extends Record<string, unknown> {
  model?: string;
  /** A path or the id of an uploaded file, as on the command line. */
  training_file?: string;
  validation_file?: string | null;
  extensions?: Record<string, unknown>;
}

export interface JobRequest extends Recipe {
  model: string;
  training_file: string;
}

async function readRecipe({ stdin }: Context, path: string): Promise<Recipe> {
  try {
    const recipe: unknown = parseYaml(path === '-' ? await readAll(stdin) : readFileSync(path, 'utf8'));
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
  const both = (part: 'adapter' | 'method') => {
    const [before, after] = [recipe?.[part], flags[part]] as ({ type?: string } | undefined)[];
    // Options of another type say nothing of this one.
    const isSame = after?.type === undefined || after.type === before?.type;
    const fields = { ...(isSame && before), ...after };
    return Object.keys(fields).length > 0 ? { [part]: fields } : {};
  };
  return { extensions: { ...recipe, ...flags, ...both('adapter'), ...both('method') } };
}

/** Ids of the platform are passed on; anything else is a file here. */
async function fileId({ out }: Context, client: Client, fileOrId: string): Promise<string> {
  if (/^(file|dsv)-[A-Za-z0-9]+$/.test(fileOrId) || (/^[\w.-]+@(\d+|latest)$/.test(fileOrId) && !existsSync(fileOrId))) return fileOrId;
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
