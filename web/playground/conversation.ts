/** What the playground holds: lanes, the questions that all of them are asked, and what each has answered. */
import type { ChatTokenLogprob } from '#contract/openai/chat-answers.ts';

/** One model that answers; `live:ftjob-…` is a run that is training now. */
export interface Lane {
  /** Tells lanes apart that have the same model. */
  id: number;
  model: string;
}

export interface Answer {
  text: string;
  /** With their probabilities, when they were asked for; joined they are the text. */
  tokens: ChatTokenLogprob[];
  state: 'waiting' | 'answering' | 'done' | 'stopped' | 'failed';
  /** What it waits for, when that is worth telling. */
  waitingFor: string | null;
  failure: { message: string; code: string; requestId: string | null } | null;
  /** The exact version that answers. */
  version: string | null;
  /** Milliseconds from the request to the first piece, and to the end. */
  firstMs: number | null;
  totalMs: number | null;
  tokenCount: number | null;
  finishReason: string | null;
}

export interface Turn {
  id: number;
  question: string;
  /** By the id of the lane. */
  answers: Record<number, Answer>;
}

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export const mostLanes = 4;
export const livePrefix = 'live:';

export const newAnswer: Answer = {
  text: '',
  tokens: [],
  state: 'waiting',
  waitingFor: null,
  failure: null,
  version: null,
  firstMs: null,
  totalMs: null,
  tokenCount: null,
  finishReason: null,
};

/** What the lane is sent to answer the turn at `index`: its own earlier answers, not those of the others. */
export function messagesFor(turns: readonly Turn[], laneId: number, index: number, system: string): Message[] {
  const messages: Message[] = system.trim() === '' ? [] : [{ role: 'system', content: system }];
  for (const turn of turns.slice(0, index)) {
    messages.push({ role: 'user', content: turn.question });
    const answer = turn.answers[laneId];
    // Templates want the roles in turn: an answer that never came is an empty one.
    messages.push({ role: 'assistant', content: answer?.text ?? '' });
  }
  const asked = turns[index];
  if (asked) messages.push({ role: 'user', content: asked.question });
  return messages;
}

/** What came all at once says nothing of how fast it was made. */
const leastMs = 20;

/** Tokens a second while they came, the wait for the first one left out; null when there is nothing to divide. */
export function tokensPerSecond({ tokenCount, firstMs, totalMs }: Answer): number | null {
  if (tokenCount === null || firstMs === null || totalMs === null || tokenCount < 2 || totalMs - firstMs < leastMs) return null;
  return (tokenCount - 1) / ((totalMs - firstMs) / 1000);
}

export function isRunning(answer: Answer | undefined): boolean {
  return answer?.state === 'waiting' || answer?.state === 'answering';
}
