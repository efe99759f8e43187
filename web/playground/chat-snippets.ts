/** A lane's request in every language: cURL, TypeScript and Python, each of which asks the same. */
import { pythonValue, shellWord } from '../code/literals.ts';
import { keyVariable, type Snippet, type Target } from '../code/languages.ts';
import { livePrefix, type Message } from './conversation.ts';

export interface ChatRequest {
  model: string;
  messages: Message[];
  /** Sampling, as the request carries it. */
  fields: Record<string, unknown>;
}

export function chatSnippets({ model, messages, fields }: ChatRequest, { origin }: Target): Snippet[] {
  const hint = (program: string): string => `Needs "${program}" and a key in ${keyVariable}.`;
  if (model.startsWith(livePrefix)) {
    const run = encodeURIComponent(model.slice(livePrefix.length));
    const code = curl(`${origin}/api/v1/training/jobs/${run}/probes`, { messages, repeat: false });
    return [{ label: 'cURL', hint: `The run answers within a step; needs a key in ${keyVariable}.`, code }];
  }
  const body = { model, messages, ...fields };
  return [
    { label: 'cURL', hint: `Needs a key in ${keyVariable}.`, code: curl(`${origin}/v1/chat/completions`, body) },
    { label: 'TypeScript', hint: hint('npm install openai'), code: typescript(body, origin) },
    { label: 'Python', hint: hint('pip install openai'), code: python(body, origin) },
  ];
}

function curl(address: string, body: unknown): string {
  return [
    `curl -sS ${shellWord(address)}`,
    `-H "Authorization: Bearer $${keyVariable}"`,
    `-H 'Content-Type: application/json'`,
    `-d ${shellWord(JSON.stringify(body, null, 2))}\n`,
  ].join(' \\\n  ');
}

function typescript(body: Record<string, unknown>, origin: string): string {
  return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: ${JSON.stringify(`${origin}/v1`)}, apiKey: process.env.${keyVariable} });
const stream = await client.chat.completions.create(${JSON.stringify({ ...body, stream: true }, null, 2)});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '');
`;
}

function python(body: Record<string, unknown>, origin: string): string {
  return `import os
from openai import OpenAI

client = OpenAI(base_url=${pythonValue(`${origin}/v1`)}, api_key=os.environ["${keyVariable}"])
stream = client.chat.completions.create(
${Object.entries({ ...body, stream: true })
  .map(([name, value]) => `    ${name}=${pythonValue(value)},`)
  .join('\n')}
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
`;
}
