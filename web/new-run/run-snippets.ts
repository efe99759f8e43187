/** A run's request in every language: YAML, command line, cURL, TypeScript and Python, each of which starts it. */
import { pythonValue, shellWord, yamlOf } from '../code/literals.ts';
import { keyVariable, type Snippet, type Target } from '../code/languages.ts';
import type { RunRequest } from './draft.ts';

/** Where the command line looks when nobody tells it. */
const usualOrigin = 'http://127.0.0.1:8080';

export function runSnippets(request: RunRequest, target: Target): Snippet[] {
  return [
    { label: 'YAML', hint: 'Keep it as run.yaml; start it with  tuneloop train -f run.yaml', code: yamlOf({ ...request }) },
    { label: 'CLI', hint: 'Starts the run and watches it; Ctrl-C only stops watching.', code: cli(request, target) },
    { label: 'cURL', hint: `Needs a key in ${keyVariable}.`, code: curl(request, target) },
    { label: 'TypeScript', hint: `Needs "npm install openai" and a key in ${keyVariable}.`, code: typescript(request, target) },
    { label: 'Python', hint: `Needs "pip install openai" and a key in ${keyVariable}.`, code: python(request, target) },
  ];
}

function cli(request: RunRequest, { origin }: Target): string {
  const start = `${origin === usualOrigin ? '' : `TUNELOOP_URL=${shellWord(origin)} \\\n`}tuneloop train`;
  const { adapter, probes, method, ...settings } = (request.extensions ?? {}) as Record<string, unknown> & { adapter?: object };
  // What is deeper than a name and a value is written better in a file.
  if (probes || method) return `${start} -f - <<'END'\n${yamlOf({ ...request })}END\n`;
  const flags: [string, unknown][] = [
    ['model', request.model],
    ['validation', request.validation_file],
    ['suffix', request.suffix],
    ['seed', request.seed],
    ...Object.entries(settings),
    ...Object.entries(adapter ?? {}).map(([name, value]): [string, unknown] => [name === 'type' ? 'adapter' : name, value]),
  ];
  const words = flags
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name.replaceAll('_', '-')} ${shellWord(Array.isArray(value) ? value.join(',') : String(value))}`);
  return `${[start, shellWord(request.training_file), ...words].join(' \\\n  ')}\n`;
}

function curl(request: RunRequest, { origin }: Target): string {
  return [
    `curl -sS ${shellWord(`${origin}/v1/fine_tuning/jobs`)}`,
    `-H "Authorization: Bearer $${keyVariable}"`,
    `-H 'Content-Type: application/json'`,
    `-d ${shellWord(JSON.stringify(request, null, 2))}\n`,
  ].join(' \\\n  ');
}

function typescript(request: RunRequest, { origin }: Target): string {
  return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: ${JSON.stringify(`${origin}/v1`)}, apiKey: process.env.${keyVariable} });
const request = ${JSON.stringify(request, null, 2)};
// OpenAI's types have no word for "extensions".
const job = await client.fineTuning.jobs.create(request as OpenAI.FineTuning.JobCreateParams);
console.log(job.id, job.status);
`;
}

function python({ extensions, ...request }: RunRequest, { origin }: Target): string {
  const fields = Object.entries({ ...request, ...(extensions && { extra_body: { extensions } }) });
  return `import os
from openai import OpenAI

client = OpenAI(base_url=${pythonValue(`${origin}/v1`)}, api_key=os.environ["${keyVariable}"])
job = client.fine_tuning.jobs.create(
${fields.map(([name, value]) => `    ${name}=${pythonValue(value)},`).join('\n')}
)
print(job.id, job.status)
`;
}
