import { ChatCompletionRequest } from '#contract/openai/chat-completions.ts';
import { expect, it } from 'vitest';
import { isLegacy, offeredTools } from './chat-tools.ts';

const tool = (name: string) => ({ type: 'function', function: { name } });
const tools = [tool('look'), tool('go')];

function offered(more: object): string[] {
  const request = ChatCompletionRequest.parse({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...more });
  return offeredTools(request).map((given) => (given as ReturnType<typeof tool>).function.name);
}

it.each([
  ['all by default', { tools }, ['look', 'go']],
  ['all when one is required', { tools, tool_choice: 'required' }, ['look', 'go']],
  ['none when the caller forbids it', { tools, tool_choice: 'none' }, []],
  ['the one that is named', { tools, tool_choice: tool('go') }, ['go']],
  [
    'those that are allowed',
    { tools, tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool('look')] } } },
    ['look'],
  ],
  ['functions of the deprecated form', { functions: [{ name: 'old' }] }, ['old']],
  ['none of the deprecated form when forbidden', { functions: [{ name: 'old' }], function_call: 'none' }, []],
  [
    'the named one of the deprecated form',
    { functions: [{ name: 'old' }, { name: 'older' }], function_call: { name: 'older' } },
    ['older'],
  ],
  ['nothing when nothing is given', {}, []],
])('offers %s', (_, request, names) => {
  expect(offered(request)).toEqual(names);
});

it('answers in the form the caller speaks; tools win over functions', () => {
  const parse = (more: object) => ChatCompletionRequest.parse({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...more });
  expect(isLegacy(parse({ functions: [{ name: 'old' }] }))).toBe(true);
  expect(isLegacy(parse({ functions: [{ name: 'old' }], tools }))).toBe(false);
  expect(isLegacy(parse({}))).toBe(false);
});
