/** `tuneloop data head`: rows of a version, the first ones or from anywhere on. */
import { wholeNumber, type Command } from '../command.ts';
import { versionPath, versionWord } from '../find-dataset.ts';

interface Turn {
  role: string;
  content?: unknown;
  tool_calls?: unknown;
}

export const command: Command = {
  words: [versionWord],
  flags: [
    { flags: '-n, --rows <number>', description: 'how many', parse: wholeNumber(1), default: 5 },
    { flags: '--from <row>', description: 'the first row to show', parse: wholeNumber(1), default: 1 },
    { flags: '--finding <kind>', description: 'only rows that the last check found this at' },
  ],
  examples: [
    'tuneloop data head lumen-support',
    'tuneloop data head lumen-support@1 --from 100 --rows 2 --json',
    'tuneloop data head support --finding personal_data',
  ],
  fields: ['row', 'value'],
  async run({ out, client }, { words: [reference], flags }) {
    const { from, rows, finding } = flags as { from: number; rows: number; finding?: string };
    const query = { after: from - 1, limit: Math.min(rows, 500), finding };
    const { data } = await (
      await client()
    ).ask<{ data: { row: number; value: Record<string, unknown> }[] }>(`${versionPath(reference!)}/rows`, { query });
    out.print(data, () => data.map(({ row, value }) => `#${row}\n${describe(value)}`).join('\n\n'));
  },
};

/** Messages as a conversation; anything else as its JSON. */
function describe({ messages, ...rest }: Record<string, unknown>): string {
  if (!Array.isArray(messages)) return `  ${JSON.stringify(rest)}`;
  const lines = (messages as Turn[]).map(({ role, content, tool_calls }) => {
    const text = typeof content === 'string' ? content : content ? JSON.stringify(content) : JSON.stringify(tool_calls);
    return `  ${role.padEnd(9)} ${text.replaceAll('\n', `\n${' '.repeat(12)}`)}`;
  });
  return [...lines, ...(Object.keys(rest).length > 0 ? [`  ${JSON.stringify(rest)}`] : [])].join('\n');
}
