import { describe, expect, it } from 'vitest';
import type { ChatRow, TextRow } from '#contract/dataset.ts';
import { textOf } from '#contract/openai/chat-messages.ts';
import { checkRows, describeProblems, type CheckedRows } from './check-rows.ts';

const user = { role: 'user', content: 'How long is the warranty?' };
const assistant = { role: 'assistant', content: '12 months.' };
const system = { role: 'system', content: 'Be brief.' };
const good = JSON.stringify({ messages: [user, assistant] });

/** One token a word. */
const countTokens = (row: ChatRow | TextRow) => {
  const messages = 'messages' in row ? (row as ChatRow).messages : [{ role: 'assistant' as const, content: row.text }];
  const words = (list: ChatRow['messages']) =>
    list.map((message) => textOf(message.content).split(' ').filter(Boolean).length).reduce((sum, count) => sum + count, 0);
  return { total: words(messages), trained: words(messages.filter((message) => message.role === 'assistant' && message.weight !== 0)) };
};

const check = (file: string | Buffer, pieceBytes = 7): Promise<CheckedRows> =>
  checkRows(pieces(Buffer.from(file as string), pieceBytes), { contextLength: 50, countTokens });
const reasonOf = async (row: string | Buffer): Promise<string | undefined> => {
  const { problems } = await check(row);
  expect(problems.length).toBeLessThanOrEqual(1);
  return problems[0]?.reason;
};
const row = (...messages: object[]): string => JSON.stringify({ messages });

describe('a training file', () => {
  it('passes with all that is right, and is counted', async () => {
    const rows = [
      row(user, assistant),
      row(system, user, assistant, user, assistant),
      row(user, user, assistant),
      row(user, { ...assistant, weight: 0 }, user, { ...assistant, weight: 1 }),
      row({ role: 'user', content: [{ type: 'text', text: 'in parts' }] }, assistant),
    ];
    expect(await check(`${rows.join('\n')}\n`)).toEqual({
      rows: 5,
      problems: [],
      problemCount: 0,
      trainedTokens: 12,
      longestRowTokens: 16,
    });
  });

  it.each([1, 3, 64, 100_000])('reads the same in pieces of %d bytes', async (pieceBytes) => {
    const file = `${good}\n{"messages": "日本語"}\n${good}`;
    expect(await check(file, pieceBytes)).toEqual(await check(file));
    expect((await check(file, pieceBytes)).problems).toMatchObject([{ row: 2 }]);
  });

  it('may begin with a byte order mark, have Windows line ends, blank lines, and no end of line at its end', async () => {
    expect(await check(`\uFEFF${good}\r\n${good}\r\n\r\n\n${good}`)).toMatchObject({ rows: 3, problemCount: 0 });
    expect(await check(`${good}\n\n\n`)).toMatchObject({ rows: 1, problemCount: 0 });
  });

  it('is refused when it has no rows', async () => {
    for (const file of ['', '\n\n', '\uFEFF']) expect(await check(file)).toMatchObject({ rows: 0, problemCount: 1 });
  });

  it('names every wrong row by the number of its line', async () => {
    const { rows, problems, problemCount } = await check([good, '', '{"messages": [', good, '[]', row(user)].join('\n'));
    expect({ rows, problemCount, lines: problems.map((problem) => problem.row) }).toEqual({ rows: 5, problemCount: 3, lines: [3, 5, 6] });
  });

  it('keeps the first thousand wrong rows, and counts the rest', async () => {
    const checked = await check('{}\n'.repeat(1500), 4096);
    expect(checked).toMatchObject({ rows: 1500, problemCount: 1500, problems: { length: 1000 } });
    const message = describeProblems('rows.jsonl', checked);
    expect(message).toMatch(/^rows\.jsonl: 1500 rows of 1500 cannot be trained on; nothing was started\.\nrow 1: /);
    expect(message.split('\n')).toHaveLength(22);
    expect(message).toMatch(/… and 1480 more$/);
  });

  it('of one line of 50 MB takes no 50 MB of memory', async () => {
    const megabyte = Buffer.alloc(2 ** 20, 'x');
    async function* line() {
      yield Buffer.from(`${good}\n{"messages": "`);
      for (let count = 0; count < 50; count++) yield megabyte;
      yield Buffer.from(`"}\n${good}\n`);
    }
    const before = process.memoryUsage();
    const { rows, problems } = await checkRows(line(), { contextLength: 50 });
    const after = process.memoryUsage();
    expect({ rows, problems }).toEqual({ rows: 3, problems: [{ row: 2, reason: 'longer than 8 MiB' }] });
    expect(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(30e6);
  });

  it('leaves tokens out when nothing counts them', async () => {
    expect(await checkRows(pieces(Buffer.from(good), 100), { contextLength: 1 })).toMatchObject({
      problemCount: 0,
      trainedTokens: null,
      longestRowTokens: null,
    });
  });
});

describe('a row', () => {
  it.each([
    ['a brace too few', '{"messages": [', /^broken JSON: /],
    ['a comma too many', '{"messages": [],}', /^broken JSON: /],
    ['NaN', '{"messages": NaN}', /^broken JSON: .*N/],
    ['two objects', `${good} ${good}`, /^broken JSON: /],
    ['a list', '[1]', /^not a JSON object with "messages"$/],
    ['a word', '"messages"', /^not a JSON object/],
    ['null', 'null', /^not a JSON object/],
    ['no messages', '{"topic": "hello"}', /^messages: is missing/],
    ['a number for its text', '{"text": 7}', /^text: expected a text$/],
    ['an empty text', '{"text": " "}', /^text: is empty$/],
    ['what was refused when its file was read', '{"invalid": {"reason": "output: is missing", "raw": ""}}', /^output: is missing$/],
    ['an empty list', '{"messages": []}', /^messages: /],
    ['messages that are no list', '{"messages": {}}', /^messages: /],
    ['a message that is no object', '{"messages": ["hello"]}', /^messages\[0\]/],
    ['prompt and completion', '{"prompt": "a", "completion": "b"}', /"prompt" and "completion" are not read; write \{"messages": \[/],
    ['instruction and output', '{"instruction": "a", "output": "b"}', /"instruction" and "output" are not read/],
    ['an unknown role', row({ role: 'bot', content: 'Hi' }, assistant), /^messages\[0\]\.role: .*'system'/],
    ['no content', row({ role: 'user' }, assistant), /^messages\[0\]\.content: /],
    ['a number for content', row({ role: 'user', content: 3 }, assistant), /^messages\[0\]\.content: /],
    ['a picture', row({ role: 'user', content: [{ type: 'image_url', image_url: {} }] }, assistant), /^messages\[0\]\.content/],
    ['no assistant', row(system, user), /no message with role "assistant"/],
    ['nothing but the assistant', row(assistant), /message 1 is from the assistant: a chat begins with the user/],
    ['the system alone before the assistant', row(system, assistant), /message 2 is from the assistant/],
    ['the system second', row(user, system, assistant), /message 2 is from the system: such a message stands first or nowhere/],
    ['two systems', row(system, { ...system, role: 'developer' }, user, assistant), /message 2 is from the developer/],
    ['two answers in a row', row(user, assistant, assistant), /message 3 is a second one of the assistant/],
    ['the user last', row(user, assistant, user), /the last message is from the user/],
    ['an empty answer', row(user, { role: 'assistant', content: '' }), /nothing to learn|is empty/],
    ['one empty answer of two', row(user, { role: 'assistant', content: '' }, user, assistant), /message 2 \(assistant\) is empty/],
    ['half a weight', row(user, { ...assistant, weight: 0.5 }), /weight: expected 0 or 1/],
    ['weight as a word', row(user, { ...assistant, weight: '1' }), /weight: expected 0 or 1/],
    ['a weight of the user', row({ ...user, weight: 1 }, assistant), /message 1 \(user\) has a weight/],
    ['nothing with weight', row(user, { ...assistant, weight: 0 }), /every assistant message has weight 0/],
    ['a tool that nobody called', row(user, { role: 'tool', tool_call_id: 'c1', content: '12' }, assistant), /no assistant message called/],
    [
      'more tokens than the context',
      row(user, { role: 'assistant', content: 'word '.repeat(60) }),
      /^65 tokens long, and the limit is 50$/,
    ],
    ['an answer of no tokens', row(user, { role: 'assistant', content: '\u00a0 ' }), /nothing to learn|no token carries loss/],
  ])('with %s is refused', async (_, text, reason) => {
    expect(await reasonOf(text)).toMatch(reason);
  });

  it('that is not UTF-8 is refused, and the whole file when it is UTF-16', async () => {
    expect(await reasonOf(Buffer.from('{"messages": "Gr\xfc\xdfe"}', 'latin1'))).toBe('not UTF-8 text');
    expect(await reasonOf(Buffer.from('{"messages": "\xed\xa0\x80"}', 'latin1'))).toBe('not UTF-8 text');
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(good, 'utf16le')]);
    expect(await reasonOf(utf16)).toBe('the file is UTF-16: save it as UTF-8');
  });

  it('nested ten thousand deep ends no process', async () => {
    expect(await reasonOf(`{"messages": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`)).toMatch(/^messages/);
  });
});

async function* pieces(bytes: Buffer, size: number): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
