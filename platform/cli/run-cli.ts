/** From the words of a command line to an exit code: finds the command, loads it alone, runs it, tells what went wrong. */
import { Command as Program, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CliError, printFailure, toCliError } from './cli-error.ts';
import type { Command, Flag, Input } from './command.ts';
import { commands, nouns } from './commands/index.ts';
import { openContext, type Terminal } from './context.ts';
import { splitJsonFlag } from './json-flag.ts';

/** Fixed, so that help reads the same everywhere. */
const helpWidth = 100;

/** Runs one command line; all that a person can act on becomes an exit code and a message, anything else is a bug and is thrown. */
export async function runCli(parameters: string[], terminal: Terminal): Promise<number> {
  const words = unabbreviated(parameters);
  const name = commandName(words);
  const asJson = words.some((word) => /^--json(=|$)/.test(word)) || terminal.environment.TUNELOOP_OUTPUT === 'json';
  try {
    return await runCommand(words, name, asJson, terminal);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = error instanceof CommanderError ? usageFailure(error, name ?? nounName(words)) : toCliError(error);
    printFailure(terminal.stderr, failure, asJson);
    return failure.exitCode;
  }
}

async function runCommand(words: string[], name: string | null, asJson: boolean, terminal: Terminal): Promise<number> {
  const command = name === null ? null : (await commands[name]!.load()).command;
  const { rest, json } = splitJsonFlag(words, command?.fields ?? []);
  let exitCode = 0;
  const program = buildProgram(terminal, name, command, async (input) => {
    const context = openContext(terminal, asJson ? (json ?? []) : null);
    try {
      exitCode = (await command!.run(context, input)) ?? 0;
    } finally {
      context.close();
    }
  });
  if (rest.length === 0) program.outputHelp();
  else await program.parseAsync(rest, { from: 'user' });
  return exitCode;
}

/** What other tools have taught people to type. */
function unabbreviated(words: string[]): string[] {
  if (words[0] === 'help') return [...words.slice(1), '--help'];
  return words[0] === '--version' || words[0] === '-V' ? ['version', ...words.slice(1)] : words;
}

const nounName = (words: string[]): string | null => (Object.hasOwn(nouns, words[0] ?? '') ? words[0]! : null);

/** The longest name of the table that the words begin with. */
function commandName(words: string[]): string | null {
  return [words.slice(0, 2).join(' '), words[0] ?? ''].find((name) => Object.hasOwn(commands, name)) ?? null;
}

/** The whole tree; only the named command carries its flags and can run. */
function buildProgram(terminal: Terminal, name: string | null, command: Command | null, run: (input: Input) => Promise<void>): Program {
  const program = new Program('tuneloop').description('Fine-tune models on your own machine, and serve them over OpenAI’s API.');
  program.usage('<command> [options]').helpCommand(false);
  program.addHelpText('after', '\nEvery command takes --json [fields] and tells more with --help. Start with: tuneloop up');
  const groups = new Map<string, Program>();
  for (const [entryName, entry] of Object.entries(commands)) {
    const [first, second] = entryName.split(' ') as [string, string?];
    const parent = second === undefined ? program : group(program, groups, first);
    const child = parent.command(second ?? first).description(entry.summary);
    if (entryName === name && command) fill(child, command, run);
  }
  for (const each of [program, ...groups.values(), ...program.commands, ...[...groups.values()].flatMap((noun) => noun.commands)]) {
    each.exitOverride().configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: () => undefined,
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
    });
  }
  return program;
}

function group(program: Program, groups: Map<string, Program>, noun: string): Program {
  const existing = groups.get(noun);
  if (existing) return existing;
  const made = program.command(noun).description(nouns[noun]!).usage('<command> [options]').helpCommand(false);
  groups.set(noun, made);
  return made;
}

function fill(child: Program, command: Command, run: (input: Input) => Promise<void>): void {
  for (const [syntax, description] of command.words ?? []) child.argument(syntax, description);
  for (const flag of command.flags ?? []) child.addOption(optionOf(flag));
  child.addOption(new Option('--json [fields]', `print JSON; fields: ${command.fields.join(', ')}`));
  child.addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`);
  child.action(async (...given: unknown[]) => {
    const words = given.slice(0, -2).flat() as (string | undefined)[];
    await run({ words, flags: child.opts() });
  });
}

function optionOf({ flags, description, parse, default: standard }: Flag): Option {
  const option = new Option(flags, description);
  if (standard !== undefined) option.default(standard);
  if (parse) {
    option.argParser((text, before) => {
      try {
        return parse(text, before);
      } catch (error) {
        if (error instanceof RangeError) throw new InvalidArgumentError(error.message);
        throw error;
      }
    });
  }
  return option;
}

function usageFailure(error: CommanderError, name: string | null): CliError {
  const help = name === null ? 'tuneloop --help' : `tuneloop ${name} --help`;
  // A noun without a verb makes commander answer with its help, which says nothing here.
  const message = error.code === 'commander.help' ? 'a command is missing' : error.message.replace(/^error: /, '');
  return new CliError('usage', message, { fix: help });
}
