/** `tuneloop chat`: a conversation on a terminal; with a message or a pipe one answer; with --compare several models side by side. */
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { answerFields, describeSpeed, streamChat, type ChatTurn, type Question } from '../chat-stream.ts';
import { chatFlags, questionOf, startTurns } from '../chat-flags.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import { coloursOf } from '../colours.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { defaultModel } from '../find-model.ts';
import { answerOnce } from './ask.ts';

export const command: Command = {
  words: [
    ['[model]', 'which model; default: the one tuned last'],
    ['[message...]', 'what to say; without it a conversation begins'],
  ],
  flags: [{ flags: '--compare <models>', description: 'ask these models, separated by commas, the same' }, ...chatFlags],
  examples: [
    'tuneloop chat',
    'tuneloop chat smollm2-135m-instruct "Who are you?"',
    'tuneloop chat --compare smollm2-135m-instruct,MODEL "Who are you?"',
  ],
  fields: answerFields,
  async run(context, { words, flags }) {
    // A single word group with a space in it is no model id: `tuneloop chat "Who are you?"`.
    const isModel = words[0] !== undefined && !/\s/.test(words[0]) && !flags.compare;
    const model = isModel ? words[0]! : null;
    const said = words
      .slice(isModel ? 1 : 0)
      .filter((word) => word !== undefined)
      .join(' ');
    const message = said || (context.stdin.isTTY ? '' : (await text(context.stdin)).trim());
    if (message === '' && (!context.stdin.isTTY || flags.compare || context.out.isJson)) {
      throw new CliError('usage', 'there is no message', { fix: 'tuneloop chat MODEL "Who are you?"' });
    }
    if (flags.compare) await compare(context, (flags.compare as string).split(','), message, flags);
    else if (message !== '') await answerOnce(context, model, message, flags);
    else await converse(context, model, flags);
  },
};

async function compare(
  { out, client: openClient }: Context,
  models: string[],
  message: string,
  flags: Record<string, unknown>,
): Promise<void> {
  const client = await openClient();
  for (const model of models) {
    out.note(`── ${model}`);
    const question = questionOf(model, [...startTurns(flags), { role: 'user', content: message }], flags);
    const answer = await streamChat(client, question, (piece) => out.write(piece));
    out.line(answer, () => '');
  }
}

async function converse(context: Context, chosen: string | null, flags: Record<string, unknown>): Promise<void> {
  const { stdin, stderr, out } = context;
  const client = await context.client();
  const model = chosen ?? (await defaultModel(client));
  const { bold, dim } = coloursOf(stderr, context.environment);
  out.note(`${bold(model)} at ${client.address}\n${dim('/reset forgets what was said, Ctrl-C stops an answer, Ctrl-D or /bye ends')}`);
  let turns: ChatTurn[] = startTurns(flags);
  const reader = createInterface({ input: stdin, output: stderr, prompt: '> ' });
  // Ctrl-C while nothing is being answered ends the conversation.
  let stop: AbortController | null = null;
  reader.on('SIGINT', () => (stop ? stop.abort() : reader.close()));
  reader.prompt();
  for await (const line of reader) {
    const message = line.trim();
    if (message === '/bye') break;
    if (message === '/reset') turns = startTurns(flags);
    else if (message !== '') {
      stop = new AbortController();
      turns = await answerTurn(context, client, questionOf(model, [...turns, { role: 'user', content: message }], flags), stop.signal);
      stop = null;
    }
    reader.prompt();
  }
  reader.close();
}

/** The conversation with the answer in it, or as it was before the question when the person has stopped the answer. */
async function answerTurn(
  { stdout, stderr, environment }: Context,
  client: Client,
  question: Question,
  signal: AbortSignal,
): Promise<ChatTurn[]> {
  try {
    const answer = await streamChat(client, question, (piece) => void stdout.write(piece), signal);
    stderr.write(`\n${coloursOf(stderr, environment).dim(describeSpeed(answer))}\n`);
    return [...question.messages, { role: 'assistant', content: answer.content }];
  } catch (error) {
    if (!signal.aborted) throw error;
    stderr.write('\n');
    return question.messages.slice(0, -1);
  }
}
