/** `tuneloop doctor`: looks at the machine, the installation and the platform, and says what to do about each thing that is wrong. */
import { coloursOf } from '../colours.ts';
import type { Command } from '../command.ts';
import { examine } from '../examine.ts';

export const command: Command = {
  examples: ['tuneloop doctor', 'tuneloop doctor --json name,state,fix'],
  fields: ['name', 'state', 'message', 'fix'],
  async run(context) {
    const findings = await examine(context);
    const { green, red, dim } = coloursOf(context.stdout, context.environment);
    const marks = { ok: green('✓'), warn: '!', wrong: red('✗') };
    out(context, findings, marks, dim);
    return findings.some(({ state }) => state === 'wrong') ? 1 : 0;
  },
};

type Findings = Awaited<ReturnType<typeof examine>>;

function out(
  context: Parameters<Command['run']>[0],
  findings: Findings,
  marks: Record<string, string>,
  dim: (text: string) => string,
): void {
  context.out.print(findings, () =>
    findings
      .map(
        ({ name, state, message, fix }) =>
          `${marks[state]} ${name.padEnd(16)} ${message}${fix ? `\n  ${' '.repeat(16)} ${dim(`fix: ${fix}`)}` : ''}`,
      )
      .join('\n'),
  );
}
