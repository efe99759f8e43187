/** What the demo prints at its end: the answers before and after, and what to try next. */
import { coloursOf } from '#platform/cli/colours.ts';
import type { Context } from '#platform/cli/context.ts';
import { padText } from '#platform/cli/run-block.ts';
import type { StartedPlatform } from '#platform/cli/start-platform.ts';
import type { HeldOut, Reply } from './held-out.ts';

/** Width of a page where there is no terminal to ask. */
const usualWidth = 140;
/** Of the width: question, answer before, answer after, which is the one to read. */
const shares = [0.31, 0.23, 0.46];

/** Three columns: question, the base model's answer, the tuned model's; a wrong answer of the latter with what is right. */
export function sideBySide(
  questions: HeldOut[],
  before: Reply[],
  after: Reply[],
  { stdout, environment }: Pick<Context, 'stdout' | 'environment'>,
): string {
  const { bold, dim, green, red } = coloursOf(stdout, environment);
  const width = Math.max(100, (stdout as { columns?: number }).columns ?? usualWidth) - 6;
  const columns = shares.map((share) => Math.floor(share * width));
  const mark = (isRight: boolean): string => (isRight ? green('✓') : red('✗'));
  const rows = questions.map(({ question, expect }, index) => {
    const { text, isRight } = after[index]!;
    const right = isRight ? '' : `  (${expect[0]})`;
    return [
      cut(question, columns[0]!),
      `${mark(before[index]!.isRight)} ${cut(before[index]!.text, columns[1]! - 2)}`,
      `${mark(isRight)} ${cut(text, columns[2]! - 2 - right.length)}${dim(right)}`,
    ];
  });
  const score = (replies: Reply[]): string => bold(`${replies.filter(({ isRight }) => isRight).length} of ${replies.length} right`);
  const lines = [
    ['question (not in the training set)', 'before', 'after'].map((text) => bold(text)),
    ...rows,
    ['', score(before), score(after)],
  ];
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => padText(cell, columns[column]!))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

export function nextThings({ address, key }: StartedPlatform, model: string, question: string): string {
  const secret = key ?? 'any';
  return `
The platform is up, with the model you have just made
  address  ${address}/v1
  browser  ${address} (sign in with the key)
  key      ${secret}
  model    ${model}
  stop     ./bin/tuneloop down

Three things to try
  1  ./bin/tuneloop chat --compare smollm2-135m-instruct,${model} "${question}"

  2  curl ${address}/v1/chat/completions -H "Authorization: Bearer ${secret}" -H "Content-Type: application/json" \\
       -d '${JSON.stringify({ model, messages: [{ role: 'user', content: question }] }).replaceAll("'", String.raw`'\''`)}'

  3  from openai import OpenAI
     client = OpenAI(base_url="${address}/v1", api_key="${secret}")
     answer = client.chat.completions.create(model="${model}", messages=[{"role": "user", "content": ${JSON.stringify(question)}}])
     print(answer.choices[0].message.content)
`;
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
