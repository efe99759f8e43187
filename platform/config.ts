/** Every setting of the platform, with its default. Nothing else reads the environment. */
import { availableParallelism } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { PlatformError } from './core/errors.ts';

/** Root of the installed project: where package.json stands. */
export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

const flag = z.stringbool({ truthy: ['1', 'true', 'yes', 'on'], falsy: ['0', 'false', 'no', 'off', ''] });

/** Another server whose models answer here as `<name>/<model>`. */
const Upstream = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, { error: 'takes small letters, digits and "-"' }),
  base_url: z.url({ protocol: /^https?$/ }).transform((address) => address.replace(/\/+$/, '')),
  /** The key itself, or the variable that holds it; neither for a server without keys. */
  api_key: z.string().min(1).optional(),
  api_key_env: z.string().min(1).optional(),
  /** Left out: whatever the server lists. */
  models: z.array(z.string().min(1)).optional(),
});
export type Upstream = z.output<typeof Upstream>;

const demoModel = 'smollm2-135m-instruct';

/** Keys are the environment's names without `TUNELOOP_`, in lower case. */
export const Config = z.object({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on. Anything but loopback needs keys (open mode is refused).'),
  port: z.coerce.number().int().min(0).max(65535).default(8080).describe('Port to listen on; 0 takes a free one.'),
  data: z.string().min(1).default('.tuneloop').describe('Folder for everything the platform writes; relative to the project.'),
  database: z.string().default('').describe('Empty is PGlite in the data folder; or a postgres:// address.'),
  key: z.string().min(16).optional().describe('Sets the owner key instead of printing one at first start; 16 characters or more.'),
  metrics_token: z.string().min(16).optional().describe('Bearer token that may read /metrics besides the API keys.'),
  open: flag.default(false).describe('true switches keys off; refused unless host is loopback.'),
  cors_origins: z.string().default('').describe('Origins that browsers may call from, separated by commas.'),
  max_runs: z.coerce.number().int().min(1).max(1024).default(1).describe('Training runs at once; others queue in order.'),
  cost_per_hour: z.coerce
    .number()
    .min(0)
    .optional()
    .describe('What an hour of this machine costs in USD; plans then tell the cost of a run.'),
  launcher: z.string().default('local').describe('Where training processes run: local.'),
  python: z.string().default('.venv/bin/python').describe('Python of the worker; relative to the project.'),
  warm_model: z.string().default(demoModel).describe('Base model that worker and engine load ahead of their first task; none loads none.'),
  engine: z
    .string()
    .default('llama-cpp')
    .describe('What serves tokens: llama-cpp, or transformers. What llama-cpp cannot load is served by transformers in any case.'),
  engine_threads: z.coerce
    .number()
    .int()
    .min(1)
    .default(Math.max(1, availableParallelism() - 1))
    .describe('CPU threads for decoding; below the core count, or the spin barrier stalls on a busy machine. Default: cores - 1.'),
  engine_slots: z.coerce.number().int().min(1).max(256).default(8).describe('Requests of one version decoded at once.'),
  engine_context: z.coerce
    .number()
    .int()
    .min(256)
    .default(2048)
    .describe('Longest prompt + answer in tokens, at most what the model was trained with.'),
  engine_versions: z.coerce.number().int().min(1).default(4).describe('Versions kept loaded; the one unused longest makes room.'),
  engine_queue: z.coerce.number().int().min(0).default(256).describe('Requests that may wait; one more is answered 429.'),
  quantizers: z
    .string()
    .default('.tools/quantizers')
    .describe('Folder of what exports by GPTQ, AWQ and bitsandbytes need; "npm run setup -- --quantizers" brings this one.'),
  parity: flag
    .default(true)
    .describe(
      'true compares what every finished run serves with what it trained, once the engine is quiet (about 10 s for the demo model).',
    ),
  grader_sandbox: z
    .string()
    .default('')
    .transform((line) => line.split(/\s+/).filter((word) => word !== ''))
    .describe(
      'Command that ends in a Python shut off from files, network and secrets, for graders of type python (docs/training.md has some); empty refuses them.',
    ),
  trackers: z
    .string()
    .default('')
    .describe('Where the figures of runs are kept besides: jsonl, mlflow, wandb; several separated by commas.'),
  mlflow_tracking_uri: z.string().optional().describe('Address of the MLflow server; MLFLOW_TRACKING_URI sets it too.'),
  mlflow_experiment: z
    .string()
    .min(1)
    .default('tuneloop')
    .describe('Experiment of MLflow that runs are kept in; made where it is missing.'),
  mlflow_token: z.string().min(1).optional().describe('Bearer token of the MLflow server; MLFLOW_TRACKING_TOKEN sets it too.'),
  wandb_project: z.string().min(1).default('tuneloop').describe('Project of Weights & Biases for runs that name none.'),
  wandb_mode: z.enum(['offline', 'online']).default('offline').describe('offline writes what "wandb sync" sends; online sends it at once.'),
  wandb_key: z.string().min(1).optional().describe('Key of Weights & Biases; WANDB_API_KEY sets it too.'),
  wandb_base_url: z.string().min(1).optional().describe('Address of a Weights & Biases server of your own; WANDB_BASE_URL sets it too.'),
  wandb_python: z
    .string()
    .default('.tools/wandb/bin/python')
    .describe('Python that has wandb; "npm run setup -- --wandb" brings this one.'),
  hub: z.string().default('https://huggingface.co').describe('Address of the Hugging Face hub; HF_ENDPOINT sets it too.'),
  hub_token: z.string().optional().describe('Token for gated models; HF_TOKEN sets it too.'),
  max_upload_mb: z.coerce.number().int().min(1).default(512).describe('Largest uploaded file in MiB.'),
  upstreams: z
    .string()
    .default('')
    .transform(readJson)
    .pipe(z.array(Upstream))
    .describe(
      'Other OpenAI-compatible servers, as JSON: [{"name": "lab", "base_url": "http://10.0.0.2:8000/v1", "api_key_env": "LAB_KEY"}].',
    ),
  url: z.string().optional().describe('Address the command line speaks to; default: http://host:port of these settings.'),
  output: z.enum(['text', 'json']).default('text').describe('What the command line prints: text for people, or JSON.'),
  log_level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
export type Config = z.output<typeof Config>;

/** What answers when nobody says which model: the warmed one, or the demo model where none is. */
export function defaultModel({ warm_model }: Pick<Config, 'warm_model'>): string {
  return warm_model === 'none' ? demoModel : warm_model;
}

/** Names outside the TUNELOOP_ family that the field already uses. */
const aliases: Record<string, string> = {
  HF_ENDPOINT: 'hub',
  HF_TOKEN: 'hub_token',
  MLFLOW_TRACKING_URI: 'mlflow_tracking_uri',
  MLFLOW_TRACKING_TOKEN: 'mlflow_token',
  WANDB_API_KEY: 'wandb_key',
  WANDB_BASE_URL: 'wandb_base_url',
};

/** Reads the settings. Throws `setting_invalid` that names every wrong variable; an unknown TUNELOOP_ name is wrong too. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given: Record<string, string> = {};
  for (const [name, field] of Object.entries(aliases)) if (environment[name]) given[field] = environment[name];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('TUNELOOP_') || name.startsWith('TUNELOOP_TEST_') || value === undefined) continue;
    const field = name.slice('TUNELOOP_'.length).toLowerCase();
    if (!(field in Config.shape)) unknown.push(`${name}: there is no such setting (see .env.example)`);
    else if (value !== '') given[field] = value;
  }
  const parsed = Config.safeParse(given);
  const wrong = parsed.success
    ? []
    : parsed.error.issues.map(
        (issue) =>
          `TUNELOOP_${String(issue.path[0]).toUpperCase()}${issue.path
            .slice(1)
            .map((part) => `[${JSON.stringify(part)}]`)
            .join('')}: ${issue.message}`,
      );
  if (!parsed.success || unknown.length > 0) throw new PlatformError('setting_invalid', [...wrong, ...unknown].join('; '));
  const config = { ...parsed.data, upstreams: withKeys(parsed.data.upstreams, environment) };
  const { data, python, quantizers, wandb_python } = config;
  return {
    ...config,
    data: fromRoot(data),
    python: fromRoot(python),
    quantizers: fromRoot(quantizers),
    wandb_python: fromRoot(wandb_python),
  };
}

function readJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return text === '' ? [] : (JSON.parse(text) as unknown);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
}

/** A key by the name of its variable is read here, so that the setting itself may be shown to anyone. */
function withKeys(upstreams: Upstream[], environment: Record<string, string | undefined>): Upstream[] {
  const names = upstreams.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new PlatformError('setting_invalid', `TUNELOOP_UPSTREAMS: two servers are called "${twice}"`);
  return upstreams.map((upstream) => {
    const { api_key_env: variable } = upstream;
    if (variable === undefined) return upstream;
    const key = environment[variable];
    if (!key)
      throw new PlatformError(
        'setting_invalid',
        `TUNELOOP_UPSTREAMS: the key of "${upstream.name}" should be in ${variable}, which is not set`,
      );
    return { ...upstream, api_key: key };
  });
}

function fromRoot(path: string): string {
  return isAbsolute(path) ? path : join(projectRoot, path);
}
