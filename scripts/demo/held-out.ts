/** Questions that are not in the training set, asked of a model and judged by the words that a right answer must have. */
import { readFileSync } from 'node:fs';
import { streamChat, type Answer } from '#platform/cli/chat-stream.ts';
import type { Client } from '#platform/cli/client.ts';
import type { Terminal } from '#platform/cli/context.ts';

/** A line of `examples/data/*-heldout.jsonl`. Any one of `expect` makes an answer right. */
export interface HeldOut {
  question: string;
  expect: string[];
  system?: string;
}

export interface Reply {
  text: string;
  isRight: boolean;
}

/** As many at once as the engine decodes together without one slowing the other much on two cores. */
const atOnce = 4;
const longestAnswer = 48;

export function readHeldOut(path: string): HeldOut[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as HeldOut);
}

/** Greedy answers, in the order of the questions. Progress is shown unless `stderr` is null. */
export async function askAll(client: Client, model: string, questions: HeldOut[], stderr: Terminal['stderr'] | null): Promise<Reply[]> {
  const replies: Reply[] = [];
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < questions.length; index = next++) {
      replies[index] = judge(questions[index]!, await ask(client, model, questions[index]!));
      done++;
      if (stderr?.isTTY) stderr.write(`\r\x1b[2K  ${done} of ${questions.length} answered`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const right = replies.filter(({ isRight }) => isRight).length;
  stderr?.write(`${stderr.isTTY ? '\r\x1b[2K' : ''}  ✓ ${questions.length} answered, ${right} right\n`);
  return replies;
}

function ask(client: Client, model: string, { question, system }: HeldOut): Promise<Answer> {
  const messages = [...(system ? [{ role: 'system' as const, content: system }] : []), { role: 'user' as const, content: question }];
  return streamChat(client, { model, messages, temperature: 0, max_tokens: longestAnswer }, () => undefined);
}

/** An expected word counts where it stands alone: "14" is in "14 books", not in "140" or "3.14". */
export function judge({ expect }: HeldOut, { content }: Pick<Answer, 'content'>): Reply {
  const isRight = expect.some((word) => {
    const literal = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return new RegExp(`(?<![\\p{L}\\p{N}_])(?<!\\d[.,])${literal}(?![\\p{L}\\p{N}_])(?![.,]\\d)`, 'iu').test(content);
  });
  return { text: content.replaceAll(/\s+/g, ' ').trim(), isRight };
}
