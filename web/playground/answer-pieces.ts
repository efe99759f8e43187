/** What comes in while a lane answers; each source of answers tells it in these words. */
import type { ChatTokenLogprob } from '#contract/openai/chat-answers.ts';

export type AnswerPiece =
  | { type: 'waiting'; for: string }
  | { type: 'version'; version: string }
  | { type: 'text'; text: string; tokens: ChatTokenLogprob[] }
  | { type: 'end'; finishReason: string | null; tokenCount: number | null };
