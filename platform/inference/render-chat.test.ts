import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChatMessage } from '#contract/openai/chat-messages.ts';
import { openDriver } from '#platform/core/driver.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoModelDir, demoModelGguf } from '../../tests/demo-model.ts';
import type { Engine, ServedVersion } from './engine.ts';
import { engines } from './engines/index.ts';
import { renderChat } from './render-chat.ts';

interface Case {
  name: string;
  /** Null is the demo model's own. */
  template: string | null;
  messages: { tool_calls?: { function: { arguments: unknown } }[] }[];
  tools: unknown[] | null;
  text: string;
  token_ids: number[];
}

/** Made by transformers: worker/chat_cases_test.py. */
const cases = JSON.parse(await readFile(new URL('chat-cases.json', import.meta.url), 'utf8')) as Case[];
const version: ServedVersion = { id: 'demo', base: 'demo', baseFile: demoModelGguf(), adapter: null };

let engine: Engine;
const folders: string[] = [];
beforeAll(async () => {
  engine = await openDriver(engines, { driver: 'llama-cpp' });
});
afterAll(async () => {
  await engine.close();
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** A model folder with this chat template, or with none. */
async function modelDir(template: string | null, config: object = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tuneloop-template-'));
  folders.push(folder);
  await cp(join(demoModelDir(), 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
  if (template !== null) await writeFile(join(folder, 'chat_template.jinja'), template);
  if (Object.keys(config).length > 0) await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return folder;
}

/** On the wire the arguments of a call are text. */
function wireMessages(messages: Case['messages']): ChatMessage[] {
  return messages.map((message) => ({
    ...message,
    ...(message.tool_calls && {
      tool_calls: message.tool_calls.map((call) => ({
        ...call,
        function: { ...call.function, arguments: JSON.stringify(call.function.arguments) },
      })),
    }),
  })) as unknown as ChatMessage[];
}

describe('a chat becomes what transformers makes of it', () => {
  it.each(cases)('$name', async ({ template, messages, tools, text, token_ids }) => {
    const folder = template === null ? demoModelDir() : await modelDir(template);
    const rendered = await renderChat(folder, wireMessages(messages), tools ?? []);
    expect(rendered).toBe(text);
    expect(await engine.tokenize(version, rendered, true)).toEqual(token_ids);
  });
});

const hello: ChatMessage[] = [{ role: 'user', content: 'Hello' }];
const tools = [{ type: 'function', function: { name: 'weather', parameters: {} } }];

it('reads developer as system, parts as one text, and the old function messages as tool messages', async () => {
  const folder = await modelDir(
    '{% for m in messages %}[{{ m.role }}|{{ m.content }}|{{ m.name }}|{{ m.tool_calls | tojson if m.tool_calls }}]{% endfor %}',
  );
  const messages: ChatMessage[] = [
    { role: 'developer', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'one ' },
        { type: 'text', text: 'two' },
      ],
    },
    { role: 'assistant', content: null, function_call: { name: 'weather', arguments: '{"city":"Rome"}' } },
    { role: 'function', name: 'weather', content: 'grey' },
  ];
  expect(await renderChat(folder, messages, [])).toBe(
    '[system|Be brief.||][user|one two||][assistant|||[{"type": "function", "id": "", "function": {"name": "weather", "arguments": {"city": "Rome"}}}]][tool|grey|weather|]',
  );
});

it('refuses tools for a template that would hide them from the model', async () => {
  await expect(renderChat(demoModelDir(), hello, tools)).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'tools' });
});

it('takes the template for tools where a model brings one', async () => {
  const chat_template = [
    { name: 'default', template: 'plain' },
    { name: 'tool_use', template: '{{ tools | length }} tools' },
  ];
  const folder = await modelDir(null, { chat_template });
  expect(await renderChat(folder, hello, [])).toBe('plain');
  expect(await renderChat(folder, hello, tools)).toBe('1 tools');
});

it('writes instructions and responses for a model without a chat template', async () => {
  const messages: ChatMessage[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Hi.' },
    { role: 'user', content: 'Who are you?' },
  ];
  const expected = (end: string) =>
    `Be brief.\n\n### Instruction:\nHello\n### Response:\nHi.${end}\n\n### Instruction:\nWho are you?\n### Response:\n`;
  expect(await renderChat('', messages, [])).toBe(expected(''));
  expect(await renderChat(await modelDir(null, { eos_token: '</s>' }), messages, [])).toBe(expected('</s>'));
  expect(await renderChat(demoModelDir(), messages, [], 'instruction')).toBe(expected('<|im_end|>'));
});

it('writes an input apart from its instruction', async () => {
  const messages = [{ role: 'user', content: 'Translate.\n\nGood morning', input: 'Good morning' }] as ChatMessage[];
  expect(await renderChat('', messages, [])).toBe('### Instruction:\nTranslate.\n### Input:\nGood morning\n### Response:\n');
});

it('says what a template has against the messages, and when it is broken', async () => {
  const picky = await modelDir("{{ raise_exception('roles must alternate') }}");
  await expect(renderChat(picky, hello, [])).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('roles must alternate'),
  });
  await expect(renderChat(await modelDir('{% for %}'), hello, [])).rejects.toMatchObject({ code: 'model_refused' });
});
