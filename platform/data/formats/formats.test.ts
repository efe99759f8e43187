import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatTurn } from '#contract/dataset.ts';
import type { DataFormat } from '#contract/row-formats.ts';
import { readRowLine, rowLine, type ChatData, type ValidRow } from '../data-row.ts';
import { deriveRow } from '../derive-row.ts';
import { detectFormat } from '../detect-format.ts';
import { RowRefused } from '../row-refused.ts';
import { formats } from './index.ts';

const user = (content: string): ChatTurn => ({ role: 'user', content });
const assistant = (content: string): ChatTurn => ({ role: 'assistant', content });
const chat = (...messages: ChatTurn[]) => ({ kind: 'chat', messages, tools: undefined, more: {} });
const call = (id: string) => ({ id, type: 'function' as const, function: { name: 'warranty', arguments: '{"product":"lamp"}' } });

/** As the field's own files have them. */
const samples: [string, DataFormat, Record<string, unknown>, unknown[]][] = [
  [
    'Alpaca',
    'instruction',
    { instruction: 'Add.', input: '1 + 1', output: '2' },
    [chat({ ...user('Add.\n\n1 + 1'), input: '1 + 1' } as ChatTurn, assistant('2'))],
  ],
  ['Alpaca without input', 'instruction', { instruction: 'Greet.', input: '', output: 'Hi' }, [chat(user('Greet.'), assistant('Hi'))]],
  [
    'Dolly',
    'instruction',
    { instruction: 'Who?', context: '', response: 'Me', category: 'qa' },
    [{ ...chat(user('Who?'), assistant('Me')), more: { category: 'qa' } }],
  ],
  [
    'Alpaca with history',
    'instruction',
    { instruction: 'b', output: 'c', system: 's', history: [['x', 'y']] },
    [chat({ role: 'system', content: 's' }, user('x'), assistant('y'), user('b'), assistant('c'))],
  ],
  [
    'ShareGPT',
    'sharegpt',
    {
      conversations: [
        { from: 'human', value: 'Hello' },
        { from: 'gpt', value: 'Hi!' },
      ],
    },
    [chat(user('Hello'), assistant('Hi!'))],
  ],
  [
    'ShareGPT as the blueprint has it',
    'sharegpt',
    {
      conversations: [
        { from: 'human', value: 'Hello' },
        { from: 'assistant', value: 'Hi!' },
      ],
    },
    [chat(user('Hello'), assistant('Hi!'))],
  ],
  [
    'ShareGPT with tools',
    'sharegpt',
    {
      conversations: [
        { from: 'human', value: 'How long?' },
        { from: 'function_call', value: '{"name": "warranty", "arguments": {"product": "lamp"}}' },
        { from: 'observation', value: '12' },
        { from: 'gpt', value: '12 months.' },
      ],
      system: 'Be brief.',
      tools: '[{"name": "warranty"}]',
    },
    [
      {
        ...chat(
          { role: 'system', content: 'Be brief.' },
          user('How long?'),
          { role: 'assistant', content: null, tool_calls: [call('call_1')] },
          { role: 'tool', tool_call_id: 'call_1', content: '12' },
          assistant('12 months.'),
        ),
        tools: [{ type: 'function', function: { name: 'warranty' } }],
      },
    ],
  ],
  [
    'OpenAI messages',
    'messages',
    { messages: [user('a'), { ...assistant('b'), weight: 0 }, user('c'), assistant('d')], id: 7 },
    [{ ...chat(user('a'), { ...assistant('b'), weight: 0 } as ChatTurn, user('c'), assistant('d')), more: { id: 7 } }],
  ],
  [
    'the old function_call',
    'messages',
    {
      messages: [
        user('a'),
        { role: 'assistant', content: null, function_call: { name: 'warranty', arguments: '{"product":"lamp"}' } },
        { role: 'function', name: 'warranty', content: '12' },
        assistant('d'),
      ],
      functions: [{ name: 'warranty' }],
    },
    [
      {
        ...chat(
          user('a'),
          { role: 'assistant', content: null, tool_calls: [call('call_warranty')] },
          { role: 'tool', name: 'warranty', tool_call_id: 'call_warranty', content: '12' } as ChatTurn,
          assistant('d'),
        ),
        tools: [{ type: 'function', function: { name: 'warranty' } }],
      },
    ],
  ],
  [
    'an OpenAssistant tree',
    'openassistant',
    {
      message_tree_id: 't1',
      prompt: {
        role: 'prompter',
        text: 'Why?',
        replies: [
          { role: 'assistant', text: 'Worse.', rank: 1 },
          {
            role: 'assistant',
            text: 'Because.',
            rank: 0,
            replies: [
              {
                role: 'prompter',
                text: 'And?',
                replies: [
                  { role: 'assistant', text: 'So.' },
                  { role: 'assistant', text: 'Thus.' },
                ],
              },
            ],
          },
        ],
      },
    },
    [
      { ...chat(user('Why?'), assistant('Because.'), user('And?'), assistant('So.')), more: { message_tree_id: 't1' } },
      {
        ...chat(user('Why?'), { ...assistant('Because.'), weight: 0 } as ChatTurn, user('And?'), assistant('Thus.')),
        more: { message_tree_id: 't1' },
      },
      { ...chat(user('Why?'), assistant('Worse.')), more: { message_tree_id: 't1' } },
    ],
  ],
  ['FLAN', 'flan', { inputs: 'Q', targets: 'A', task: 'qa' }, [{ ...chat(user('Q'), assistant('A')), more: { task: 'qa' } }]],
  ['prompt and completion', 'prompt_completion', { prompt: 'Q', completion: 'A' }, [chat(user('Q'), assistant('A'))]],
  ['question and answer', 'prompt_completion', { question: 'Q', answer: 'A' }, [chat(user('Q'), assistant('A'))]],
  ['plain text', 'completion', { text: 'Once upon a time' }, [{ kind: 'text', text: 'Once upon a time', more: {} }]],
  [
    "OpenAI's preferences",
    'preference_openai',
    { input: { messages: [user('q')] }, preferred_output: [assistant('good')], non_preferred_output: [assistant('bad')] },
    [{ kind: 'preference', prompt: [user('q')], preferred: [assistant('good')], rejected: [assistant('bad')], tools: undefined, more: {} }],
  ],
  [
    "ShareGPT's preferences",
    'preference_sharegpt',
    { conversations: [{ from: 'human', value: 'q' }], chosen: { from: 'gpt', value: 'good' }, rejected: { from: 'gpt', value: 'bad' } },
    [{ kind: 'preference', prompt: [user('q')], preferred: [assistant('good')], rejected: [assistant('bad')], tools: undefined, more: {} }],
  ],
  [
    'flat preferences',
    'preference',
    { prompt: 'q', chosen: 'good', rejected: 'bad' },
    [{ kind: 'preference', prompt: [user('q')], preferred: [assistant('good')], rejected: [assistant('bad')], tools: undefined, more: {} }],
  ],
  [
    'preferences that share their prompt',
    'preference',
    { chosen: [user('q'), assistant('good')], rejected: [user('q'), assistant('bad')] },
    [{ kind: 'preference', prompt: [user('q')], preferred: [assistant('good')], rejected: [assistant('bad')], tools: undefined, more: {} }],
  ],
  [
    'KTO',
    'unpaired',
    { prompt: 'q', completion: 'a', label: false },
    [{ kind: 'unpaired', prompt: [user('q')], completion: [assistant('a')], label: false, tools: undefined, more: {} }],
  ],
  [
    'KTO with messages',
    'unpaired',
    { messages: [user('q'), assistant('a')], kto_tag: true },
    [{ kind: 'unpaired', prompt: [user('q')], completion: [assistant('a')], label: true, tools: undefined, more: {} }],
  ],
  ['prompts alone', 'prompts', { prompt: 'q' }, [{ kind: 'prompt', prompt: [user('q')], tools: undefined, more: {} }]],
];

describe('a row of', () => {
  it.each(samples)('%s is told by its keys and read', (_, format, row, expected) => {
    const detected = detectFormat([row, row]);
    expect(detected).toMatchObject({ format, confidence: 1 });
    expect(detected.reasons[0]).toMatch(/^2 of 2 rows: /);
    expect(formats[format].read(row)).toEqual(expected);
  });

  it('no known format is told by what it has', () => {
    expect(detectFormat([{ foo: 1, bar: 2 }])).toMatchObject({
      format: null,
      confidence: 0,
      reasons: [expect.stringContaining('"foo", "bar"')],
    });
    expect(detectFormat([])).toMatchObject({ format: null, reasons: ['there are no rows'] });
    expect(detectFormat([1, 'a', null, []])).toMatchObject({ format: null, reasons: ['the rows are no JSON objects'] });
  });

  it.each<[string, DataFormat, Record<string, unknown>, RegExp]>([
    ['a number for an output', 'instruction', { instruction: 'a', output: 3 }, /^output: expected string/],
    ['a speaker that nobody knows', 'sharegpt', { conversations: [{ from: 'dog', value: 'woof' }] }, /^conversations\[0\]\.from: "dog"/],
    [
      'a call that is no JSON',
      'sharegpt',
      { conversations: [{ from: 'function_call', value: 'warranty()' }] },
      /^conversations\[0\]\.value: a call is JSON/,
    ],
    ['half a weight', 'messages', { messages: [user('a'), { ...assistant('b'), weight: 0.5 }] }, /^messages\[1\]\.weight: expected 0 or 1/],
    ['a tree without a reply', 'openassistant', { prompt: { role: 'prompter', text: 'Why?' } }, /nobody has replied/],
    [
      'two chats that begin differently',
      'preference',
      { chosen: [user('q'), assistant('a')], rejected: [user('p'), assistant('b')] },
      /do not begin alike/,
    ],
    ['two texts without a prompt', 'preference', { chosen: 'a', rejected: 'b' }, /^prompt: is missing/],
    ['a label that is no truth', 'unpaired', { prompt: 'q', completion: 'a', label: 'perhaps' }, /^label: expected boolean/],
    ['an empty text', 'completion', { text: '' }, /^text: /],
  ])('%s is refused with its place', (_, format, row, reason) => {
    expect(() => formats[format].read(row)).toThrow(RowRefused);
    expect(() => formats[format].read(row)).toThrow(reason);
  });
});

const text = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' });
const exchanges = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 });
const plainChat = fc
  .record({ system: fc.option(text), exchanges, more: fc.dictionary(fc.constantFrom('id', 'source', 'lang'), text) })
  .map(({ system, exchanges: pairs, more }): ChatData => ({
    kind: 'chat',
    messages: [
      ...(system === null ? [] : [{ role: 'system' as const, content: system }]),
      ...pairs.flatMap(([asked, said]) => [user(asked), assistant(said)]),
    ],
    tools: undefined,
    more,
  }));
const turnsOf = (row: ValidRow) => ({ ...row, more: { ...row.more } });

describe('a chat', () => {
  it('is the same after it was written as its canonical line and read again', () => {
    fc.assert(
      fc.property(plainChat, (row) => {
        expect(readRowLine(rowLine(row))).toEqual(row);
      }),
    );
  });

  it.each<DataFormat>(['messages', 'sharegpt', 'instruction', 'prompt_completion'])(
    'is the same after it was written as %s and read again',
    (format) => {
      fc.assert(
        fc.property(plainChat, (row) => {
          const written = JSON.parse(JSON.stringify(formats[format].write(row))) as Record<string, unknown>;
          expect(formats[format].read(written).map(turnsOf)).toEqual([row]);
          expect(detectFormat([written]).format).toBe(format);
        }),
      );
    },
  );

  it.each<DataFormat>(['flan', 'openassistant'])('is the same after %s, or refused because that has no place for it', (format) => {
    fc.assert(
      fc.property(plainChat, (row) => {
        const hasSystem = row.messages[0]!.role === 'system';
        if (hasSystem || (format === 'flan' && row.messages.length > 2)) {
          expect(() => formats[format].write(row)).toThrow(RowRefused);
          return;
        }
        expect(formats[format].read(formats[format].write(row))).toEqual([row]);
      }),
    );
  });
});

describe('a row of one kind', () => {
  const preference: ValidRow = {
    kind: 'preference',
    prompt: [user('q')],
    preferred: [assistant('good')],
    rejected: [assistant('bad')],
    more: { id: '1' },
  };

  it.each<DataFormat>(['preference_openai', 'preference_sharegpt', 'preference'])('that is a preference is the same after %s', (format) => {
    expect(formats[format].read(formats[format].write(preference))).toEqual([{ ...preference, tools: undefined }]);
  });

  it('teaches as another what its meaning allows', () => {
    expect(deriveRow(preference, 'chat')).toEqual([
      { kind: 'chat', messages: [user('q'), assistant('good')], tools: undefined, more: { id: '1' } },
    ]);
    expect(deriveRow(preference, 'unpaired').map((row) => row.kind === 'unpaired' && row.label)).toEqual([true, false]);
    expect(deriveRow({ kind: 'unpaired', prompt: [user('q')], completion: [assistant('a')], label: false, more: {} }, 'chat')).toEqual([]);
    expect(deriveRow({ kind: 'chat', messages: [user('q'), assistant('a')], more: {} }, 'text')).toEqual([
      { kind: 'text', text: '### Instruction:\nq\n### Response:\na', more: {} },
    ]);
    expect(() => deriveRow({ kind: 'text', text: 'x', more: {} }, 'chat')).toThrow(RowRefused);
    expect(() => deriveRow({ kind: 'prompt', prompt: [user('q')], more: {} }, 'preference')).toThrow(RowRefused);
  });
});

describe('whatever an object holds', () => {
  it.each([
    { label: { toString: 1 }, instruction: 'x' },
    { conversations: [{ from: { toString: 1 }, value: 'x' }] },
    { conversations: [{ from: 'constructor', value: 'x' }] },
    { messages: [{ role: 'assistant', function_call: { name: { toString: 1 } } }] },
  ])('is refused where a text is expected: %j', (row) => {
    for (const format of Object.values(formats)) expect(() => format.read(row)).toThrow(RowRefused);
  });

  it('every format reads it or says what is wrong, and never breaks', () => {
    const keys = [
      'messages',
      'conversations',
      'prompt',
      'completion',
      'chosen',
      'rejected',
      'instruction',
      'output',
      'label',
      'input',
      'text',
      'tools',
      'preferred_output',
      'non_preferred_output',
      'system',
      'history',
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue({ maxDepth: 3 })), (row) => {
        for (const format of Object.values(formats)) {
          format.looksLike(row);
          try {
            for (const read of format.read(row)) expect(rowLine(readRowLine(rowLine(read)))).toBe(rowLine(read));
          } catch (error) {
            expect(error).toBeInstanceOf(RowRefused);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
