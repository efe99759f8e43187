/** `tuneloop ask`: one question, one answer. */
import { text } from 'node:stream/consumers';
import { answerFields, describeSpeed, streamChat } from '../chat-stream.ts';
import { chatFlags, questionOf, startTurns } from '../chat-flags.ts';
import { CliError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { defaultModel } from '../find-model.ts';

export const command: Command = {
  words: [['[question...]', 'what to ask; stdin when left out']],
  flags: [{ flags: '-m, --model <id>', description: 'which model; default: the one tuned last' }, ...chatFlags],
  examples: ['tuneloop ask "When does Lumen ship?"', 'tuneloop ask -m smollm2-135m-instruct --json content < question.txt'],
  fields: answerFields,
  async run(context, { words, flags }) {
    const question = words.join(' ') || (context.stdin.isTTY ? '' : (await text(context.stdin)).trim());
    if (question === '') throw new CliError('usage', 'there is no question', { fix: 'tuneloop ask "Who are you?"' });
    await answerOnce(context, (flags.model as string | undefined) ?? null, question, flags);
  },
};

/** Prints the answer as it comes, or as one JSON object. */
export async function answerOnce(
  { out, client: openClient }: Context,
  model: string | null,
  question: string,
  flags: Record<string, unknown>,
): Promise<void> {
  const client = await openClient();
  const messages = [...startTurns(flags), { role: 'user' as const, content: question }];
  const answer = await streamChat(client, questionOf(model ?? (await defaultModel(client)), messages, flags), (piece) => out.write(piece));
  out.print(answer, () => '');
  if (!out.isJson) out.note(`${answer.model} · ${describeSpeed(answer)}`);
}
