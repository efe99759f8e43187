/** The flags that `chat` and `ask` share, and the question they make. */
import { plainNumber, wholeNumber, type Flag } from './command.ts';
import type { ChatTurn, Question } from './chat-stream.ts';

export const chatFlags: Flag[] = [
  { flags: '-s, --system <text>', description: 'instructions that come before the first question' },
  { flags: '-t, --temperature <number>', description: '0 is the likeliest words, 1 the model’s own spread', parse: plainNumber },
  { flags: '--max-tokens <count>', description: 'longest answer', parse: wholeNumber(1) },
  { flags: '--seed <number>', description: 'same seed, same question: same answer', parse: wholeNumber(0) },
];

export function startTurns(flags: Record<string, unknown>): ChatTurn[] {
  return flags.system === undefined ? [] : [{ role: 'system', content: flags.system as string }];
}

/** What the person left out the server decides. */
export function questionOf(model: string, messages: ChatTurn[], flags: Record<string, unknown>): Question {
  const { temperature, maxTokens, seed } = flags as { temperature?: number; maxTokens?: number; seed?: number };
  return { model, messages, temperature, max_tokens: maxTokens, seed };
}
