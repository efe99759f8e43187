import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataCheckRequest } from '#contract/datasets.ts';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import { openDatabase, type OpenDatabase } from '#platform/storage/database.ts';
import { objectStores } from '#platform/storage/object-stores/index.ts';
import { newTestDatabase } from '#platform/storage/test-databases.ts';
import { checkVersion, type CheckModel } from './check-quality.ts';
import { checks } from './checks/index.ts';
import type { DatasetVersionRow } from './datasets.ts';
import type { Files } from './files.ts';
import { fixVersion } from './fix-version.ts';
import { importPath } from './import-dataset.ts';
import { readVersion } from './read-version.ts';
import { openRowTokenizer } from './row-tokens.ts';
import rowTokenCases from './row-token-cases.json' with { type: 'json' };

let files: Files;
let database: OpenDatabase;
let folder: string;
let model: CheckModel;
beforeAll(async () => {
  const settings = await newTestDatabase('pglite');
  database = await openDatabase(settings);
  folder = settings.data;
  files = {
    db: database.db,
    objects: await openDriver(objectStores, { driver: 'disk', folder: join(folder, 'objects') }),
    maxUploadBytes: 1e9,
  };
  // A tokenizer of ChatML, the first of the cases that the worker's tests hold, too.
  const modelDir = mkdtempSync(join(tmpdir(), 'tuneloop-quality-'));
  for (const [name, content] of Object.entries(rowTokenCases[0]!.files)) {
    writeFileSync(join(modelDir, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  model = { id: 'chatml', tokenizer: await openRowTokenizer(modelDir), contextLength: 2000 };
  rmSync(modelDir, { recursive: true });
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const row = (question: string, answer: string) => ({ messages: [user(question), assistant(answer)] });

async function add(name: string, rows: (object | string)[]): Promise<DatasetVersionRow> {
  const path = join(folder, `${name}.jsonl`);
  writeFileSync(path, rows.map((each) => `${typeof each === 'string' ? each : JSON.stringify(each)}\n`).join(''));
  return importPath(files, 'proj_default', path, { filename: `${name}.jsonl` }, { name });
}
const request = (more: object = {}) => DataCheckRequest.parse(more);
const kindsOf = async (version: DatasetVersionRow, more: object = {}, counting: CheckModel | null = model) =>
  Object.fromEntries((await checkVersion(files, version, request(more), counting)).report.findings.map(({ kind, rows }) => [kind, rows]));

const subjects = [
  'lamp',
  'chair',
  'kettle',
  'tent',
  'guitar',
  'bicycle',
  'camera',
  'blanket',
  'teapot',
  'radio',
  'mirror',
  'ladder',
  'drill',
  'violin',
  'hammock',
  'canoe',
];
const verbs = ['repair', 'clean', 'return', 'assemble', 'store', 'sell'];
/** Rows of which nothing is wrong: each asks and answers something of its own, in about as many words. */
const clean = subjects.flatMap((subject, first) =>
  verbs.map((verb, second) =>
    row(
      `How should one ${verb} a ${subject} that is ${first + 2} years old and weighs ${second + 3} kilograms?`,
      `To ${verb} your ${subject}, begin with part ${String.fromCharCode(65 + first)}${second}, take about ${first * 7 + second * 13 + 5} minutes for it, and then ask ${['Mara', 'Iven', 'Tolu', 'Sefa', 'Ruan', 'Pilar'][second]} in room ${first * 11 + second} whether the ${subject} looks right.`,
    ),
  ),
);

describe('a set of rows of which nothing is wrong', () => {
  it('has no finding, and is healthy', async () => {
    const version = await add('clean', clean);
    const { report } = await checkVersion(files, version, request(), model);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ rows: clean.length, health: 100, model: 'chatml' });
    // Nothing to compare with was named.
    expect(checks.map(({ kind }) => kind).filter((kind) => !report.checks.includes(kind))).toEqual(['leakage']);
    expect((await fixVersion(files, version, { ...request(), fixes: 'proposed' }, model)).id).toBe(version.id);
  });

  const examples = readdirSync(join(projectRoot, 'examples/data')).filter((name) => /(?<!heldout)\.jsonl$/.test(name));
  it.each(examples)('%s of the examples has at most one finding in a hundred rows above "info"', async (name) => {
    const path = join(projectRoot, 'examples/data', name);
    const version = await importPath(files, 'proj_default', path, { filename: name }, { name: name.replace('.jsonl', '') });
    const { report } = await checkVersion(files, version, request(), model);
    expect({ name, health: report.health, findings: report.findings.map(({ kind, examples: shown }) => [kind, shown]) }).toMatchObject({
      health: expect.toSatisfy((health: number) => health >= 99),
    });
  });
});

/** A row with one fault, put among the clean ones: what it is → what must be found at it. */
const planted: [fault: string, kind: string, faulty: (object | string)[]][] = [
  ['broken JSON', 'invalid_rows', ['{"messages": [']],
  ['no messages', 'invalid_rows', [{ messages: 'none' }]],
  ['an unknown role', 'invalid_rows', [{ messages: [{ role: 'bot', content: 'Hi' }] }]],
  [
    'two answers in a row',
    'role_order',
    [{ messages: [user('Where is the shop?'), assistant('In the old harbour,'), assistant('beside the lighthouse of Tarn.')] }],
  ],
  [
    'the assistant first',
    'role_order',
    [{ messages: [assistant('Welcome!'), user('Where does the harbour lie?'), assistant('In the old harbour, beside the lighthouse.')] }],
  ],
  [
    'the user last',
    'role_order',
    [{ messages: [user('Where is it?'), assistant('In the old harbour, beside the lighthouse.'), user('Thanks')] }],
  ],
  [
    'every weight 0',
    'no_trained_token',
    [{ messages: [user('Where is the shop of Tarn?'), { ...assistant('In the old harbour, beside the lighthouse.'), weight: 0 }] }],
  ],
  ['an empty answer', 'no_trained_token', [row('Where may the shop of Tarn be?', ' ')]],
  ['no answer', 'no_trained_token', [{ messages: [user('Where would the shop be?')] }]],
  [
    'more tokens than the context',
    'too_long',
    [row('Tell me everything.', Array.from({ length: 1500 }, (_, index) => `word${index}`).join(' '))],
  ],
  ['the same row again', 'exact_duplicates', [clean[5]!]],
  [
    'one word changed',
    'near_duplicates',
    [row(clean[7]!.messages[0]!.content, clean[7]!.messages[1]!.content.replace('looks right', 'looks fine'))],
  ],
  [
    'another answer to the same question',
    'contradictions',
    [
      row(
        clean[9]!.messages[0]!.content.toUpperCase(),
        'Nobody should do that at home; bring it to the workshop in the old harbour on a Monday morning instead.',
      ),
    ],
  ],
  [
    'UTF-8 read as Windows-1252',
    'encoding',
    [
      row(
        'What does the café of Zürich serve in the morning?',
        'Im CafÃ© gibt es HÃ¶rnchen, Ã–l und Kaffee â€“ jeden Morgen ab sieben Uhr, auÃŸer am Montag und Dienstag.',
      ),
    ],
  ],
  [
    'lost characters',
    'encoding',
    [
      row(
        'Is the oven warm in the winter months?',
        'The oven in the kitchen is kept at 70\uFFFD from October until the end of March, says the keeper of the house.',
      ),
    ],
  ],
  [
    'control characters',
    'encoding',
    [
      row(
        'Which door leads to the garden?',
        'The third door on the left\u0007 leads to the garden, and the fourth one to the cellar with all the old barrels.',
      ),
    ],
  ],
  [
    'an e-mail address',
    'personal_data',
    [
      row(
        'Who looks after the boats?',
        'Write to jonas.keller82@gmail.com, who looks after every one of the boats from spring until the first snow falls.',
      ),
    ],
  ],
  [
    'a telephone number',
    'personal_data',
    [
      row(
        'Whom does one call at night?',
        'At night one calls the keeper, +49 170 2345678, who lives in the small red house behind the mill on the hill.',
      ),
    ],
  ],
  [
    'a card number',
    'personal_data',
    [
      row(
        'How was it paid for?',
        'It was paid for with the card 4539 1488 0343 6467 on the last day of the fair, as the book in the office says.',
      ),
    ],
  ],
  [
    'an account number',
    'personal_data',
    [
      row(
        'Where does the rent go?',
        'The rent for the boathouse goes to DE89 3704 0044 0532 0130 00 on the first day of each month, and not later.',
      ),
    ],
  ],
  [
    'a secret key',
    'personal_data',
    [
      row(
        'How does the script sign in?',
        'The script signs in with AKIAIOSFODNN7EXAMPLE, which somebody has once written into the file beside the door code.',
      ),
    ],
  ],
  [
    'an insult',
    'toxic_text',
    [
      row(
        'Was the answer of the clerk polite?',
        'The clerk said: you are an idiot, and then closed the window in front of the whole queue of waiting people.',
      ),
    ],
  ],
  [
    'a threat',
    'toxic_text',
    [
      row(
        'What did the letter say?',
        'In the letter stood nothing but one line, "I will kill you", and the stamp was from a town nobody knew at all.',
      ),
    ],
  ],
  [
    'control tokens',
    'control_tokens',
    [
      row(
        'What ends a message in that protocol?',
        'A message of that protocol ends with <|im_end|> and the next one then begins on a new line right below the old one.',
      ),
    ],
  ],
  [
    'an empty question',
    'empty_prompt',
    [row('  ', 'The lighthouse of Tarn was built by two sisters in the year of the great storm, from stone of the old bridge.')],
  ],
  ['an answer of one word among long ones', 'too_short', [row('When does the ferry to the islands leave on Sundays?', 'No.')]],
  ['a placeholder', 'placeholder_answers', [row('When does the bakery open on holidays?', 'TODO')]],
  [
    'the question for an answer',
    'echoes',
    [row('When does the museum of clocks open on a public holiday?', 'When does the museum of clocks open on a public holiday?')],
  ],
  [
    'one phrase over and over',
    'repetition',
    [row('Describe the sea in the bay of Tarn.', `The sea is ${'very very very very '.repeat(12)}wide.`)],
  ],
  [
    'stock phrases of another assistant',
    'machine_refusals',
    [
      row(
        'What is the best soup of the harbour?',
        'As an AI language model, I cannot taste soup, but many people say that the soup of the old harbour is good.',
      ),
    ],
  ],
  ['an answer without end', 'unusually_long', [row('Count the stairs.', Array.from({ length: 900 }, (_, index) => index).join(' '))]],
];

describe('a fault among rows of which nothing is wrong', () => {
  it.each(planted)('is found at its row and nothing beside it: %s', async (fault, kind, faulty) => {
    const version = await add(`fault-${planted.findIndex(([name]) => name === fault)}`, [...clean, ...faulty]);
    const found = await kindsOf(version, {}, fault.startsWith('an answer without end') ? { ...model, contextLength: 1e6 } : model);
    expect(found[kind]).toEqual([clean.length + 1]);
    // A row without an answer is out of order, too: nothing else may be found anywhere but at the planted row.
    expect(
      Object.values(found)
        .flat()
        .every((number) => number === clean.length + 1),
    ).toBe(true);
  });

  it('is a row that evaluation asks, too', async () => {
    const evaluation = await add('evaluation', [row(clean[3]!.messages[0]!.content, 'x'), row('Something else entirely?', 'y')]);
    const version = await add('leaking', clean);
    expect(await kindsOf(version, { against: [evaluation.id] })).toEqual({ leakage: [4] });
    await expect(kindsOf(version, { against: ['nobody@1'] })).rejects.toMatchObject({ code: 'dataset_not_found' });
  });

  it('is a rare class among common ones', async () => {
    const labels = Array.from({ length: 60 }, (_, index) => row(clean[index]!.messages[0]!.content, index < 54 ? 'positive' : 'negative'));
    const found = await kindsOf(await add('labels', labels));
    expect(found).toEqual({ class_balance: Array.from({ length: 24 }, (_, index) => index + 31) });
    const even = labels.map((each, index) => row(each.messages[0]!.content, index % 2 ? 'positive' : 'negative'));
    expect(await kindsOf(await add('even-labels', even))).toEqual({});
  });

  it('is a preference for the same answer', async () => {
    const pairs = [
      { prompt: 'Which is better?', chosen: 'This one.', rejected: 'That one.' },
      { prompt: 'And now?', chosen: 'This one.', rejected: 'This one. ' },
    ];
    expect(await kindsOf(await add('pairs', pairs))).toEqual({ same_preferences: [2] });
  });

  it('is a message that the chat template refuses', async () => {
    const refusing: CheckModel = {
      ...model,
      tokenizer: await templateModel(
        "{% for m in messages %}{% if m.content == 'x' %}{{ raise_exception('no x here') }}{% endif %}{{ m.content }}<|im_end|>{% endfor %}",
      ),
    };
    const version = await add('refused', [
      ...clean,
      row('x', 'The lighthouse of Tarn was built by two sisters from the stones of the old bridge in one summer.'),
    ]);
    expect(await kindsOf(version, {}, refusing)).toEqual({ template_refused: [clean.length + 1] });
  });

  it('was planted of at least twelve kinds, and every check has found one', () => {
    const elsewhere = ['leakage', 'class_balance', 'same_preferences', 'template_refused'];
    const kinds = new Set([...planted.map(([, kind]) => kind), ...elsewhere]);
    expect(kinds.size).toBeGreaterThanOrEqual(12);
    expect([...kinds].toSorted()).toEqual(checks.map(({ kind }) => kind).toSorted());
  });
});

async function templateModel(template: string) {
  const modelDir = mkdtempSync(join(tmpdir(), 'tuneloop-template-'));
  for (const [name, content] of Object.entries(rowTokenCases[0]!.files)) {
    writeFileSync(join(modelDir, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  writeFileSync(join(modelDir, 'chat_template.jinja'), template);
  return openRowTokenizer(modelDir);
}

describe('fixing', () => {
  it('what is proposed leaves a version without findings, and the one before as it was', async () => {
    const version = await add('all-faults', [...clean, ...planted.flatMap(([, , faulty]) => faulty)]);
    const fixed = await fixVersion(files, version, { ...request(), fixes: 'proposed' }, model);
    expect(fixed).toMatchObject({ version: 2, operation: 'fix', parent_id: version.id, invalid_rows: 0 });
    expect(fixed.rows).toBeLessThan(version.rows);
    const left = (await checkVersion(files, fixed, request(), model)).report.findings.filter(({ severity }) => severity !== 'info');
    expect(left).toEqual([]);
    const texts: string[] = [];
    for await (const { row: each } of readVersion(files, fixed)) if (each.kind === 'chat') texts.push(JSON.stringify(each.messages));
    const all = texts.join('\n');
    for (const mended of [
      '[EMAIL]',
      '[PHONE]',
      '[CARD]',
      '[IBAN]',
      '[SECRET]',
      'Im Café gibt es Hörnchen, Öl und Kaffee – jeden',
      'außer',
      'In the old harbour,\\n\\nbeside',
    ])
      expect(all).toContain(mended);
    for (const lost of ['<|im_end|>', 'jonas.keller82', 'idiot', 'TODO']) expect(all).not.toContain(lost);
  });

  it('one kind by one action leaves the others', async () => {
    const version = await add('two-faults', [
      ...clean,
      clean[0]!,
      row('Who?', 'Write to anna.berg77@gmail.com about every question that concerns the old boats of the harbour, please.'),
    ]);
    const dropped = await fixVersion(files, version, { ...request(), fixes: [{ kind: 'personal_data', action: 'drop' }] }, model);
    expect(dropped.rows).toBe(clean.length + 1);
    expect(await kindsOf(dropped)).toEqual({ exact_duplicates: [clean.length + 1] });
    await expect(fixVersion(files, version, { ...request(), fixes: [{ kind: 'personal_data', action: 'burn' }] }, model)).rejects.toThrow(
      'it has mask, drop',
    );
    await expect(fixVersion(files, version, { ...request(), fixes: [{ kind: 'nonsense' }] }, model)).rejects.toThrow(
      'there is no check "nonsense"',
    );
  });
});
