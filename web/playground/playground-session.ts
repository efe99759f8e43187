/** The playground's answers while they come in, outside React: many pieces a second, one change of the page a frame. */
import { asFailure } from '../api/failure.ts';
import type { AnswerPiece } from './answer-pieces.ts';
import { isRunning, messagesFor, newAnswer, type Answer, type Lane, type Message, type Turn } from './conversation.ts';

/** Where answers come from: a model, or a run that trains. */
export type Ask = (lane: Lane, messages: Message[], signal: AbortSignal) => AsyncGenerator<AnswerPiece, void>;

export interface Snapshot {
  turns: readonly Turn[];
  isRunning: boolean;
}

export class PlaygroundSession {
  #turns: Turn[];
  #snapshot: Snapshot;
  #nextId: number;
  readonly #running = new Map<string, AbortController>();
  readonly #listeners = new Set<() => void>();

  constructor(turns: readonly Turn[] = []) {
    // What was being answered when the page went away will never end.
    this.#turns = turns.map((turn) => ({ ...turn, answers: stoppedAll(turn.answers) }));
    this.#nextId = Math.max(0, ...turns.map(({ id }) => id)) + 1;
    this.#snapshot = { turns: this.#turns, isRunning: false };
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A question for all lanes. */
  send(question: string, lanes: readonly Lane[], system: string, ask: Ask): void {
    this.#turns = [...this.#turns, { id: this.#nextId++, question, answers: {} }];
    this.run(this.#turns.length - 1, lanes, system, ask);
  }

  /** The question at `index` was another one: what came after it never happened. */
  edit(index: number, question: string, lanes: readonly Lane[], system: string, ask: Ask): void {
    this.stop();
    this.#turns = [...this.#turns.slice(0, index), { id: this.#nextId++, question, answers: {} }];
    this.run(index, lanes, system, ask);
  }

  /** Answers the turn at `index` again on these lanes; later answers of theirs rested on the old one and go. */
  run(index: number, lanes: readonly Lane[], system: string, ask: Ask): void {
    for (const lane of lanes) {
      for (const later of this.#turns.slice(index)) this.#forget(later, lane);
      const messages = messagesFor(this.#turns, lane.id, index, system);
      void this.#answer(this.#turns[index]!.id, lane, messages, ask);
    }
    this.#show();
  }

  /** The lane has another model now. */
  clearLane(lane: Lane): void {
    for (const turn of this.#turns) this.#forget(turn, lane);
    this.#show();
  }

  stop(): void {
    for (const controller of this.#running.values()) controller.abort(new Error('stopped'));
  }

  clear(): void {
    this.stop();
    this.#turns = [];
    this.#show();
  }

  #forget(turn: Turn, lane: Lane): void {
    this.#running.get(keyOf(turn.id, lane))?.abort(new Error('stopped'));
    const { [lane.id]: _, ...answers } = turn.answers;
    this.#replace({ ...turn, answers });
  }

  async #answer(turnId: number, lane: Lane, messages: Message[], ask: Ask): Promise<void> {
    const controller = new AbortController();
    const key = keyOf(turnId, lane);
    this.#running.set(key, controller);
    const isMine = (): boolean => this.#running.get(key) === controller;
    const startedMs = performance.now();
    let answer = newAnswer;
    const change = (given: Partial<Answer>): void => {
      answer = { ...answer, ...given };
      const turn = this.#turns.find(({ id }) => id === turnId);
      if (!turn || !isMine()) return;
      this.#replace({ ...turn, answers: { ...turn.answers, [lane.id]: answer } });
      this.#show();
    };
    change({});
    try {
      for await (const piece of ask(lane, messages, controller.signal)) change(changeOf(answer, piece, performance.now() - startedMs));
    } catch (error) {
      const { message, code, requestId } = asFailure(error);
      const failed = { state: 'failed', failure: { message, code, requestId } } as const;
      change({ totalMs: performance.now() - startedMs, ...(controller.signal.aborted ? { state: 'stopped' } : failed) });
    } finally {
      if (isMine()) this.#running.delete(key);
      this.#show();
    }
  }

  #replace(turn: Turn): void {
    this.#turns = this.#turns.map((old) => (old.id === turn.id ? turn : old));
  }

  #show(): void {
    this.#snapshot = { turns: this.#turns, isRunning: this.#running.size > 0 };
    for (const listener of this.#listeners) listener();
  }
}

function keyOf(turnId: number, lane: Lane): string {
  return `${turnId} ${lane.id}`;
}

function changeOf(answer: Answer, piece: AnswerPiece, nowMs: number): Partial<Answer> {
  switch (piece.type) {
    case 'waiting':
      return { waitingFor: piece.for };
    case 'version':
      return { version: piece.version };
    case 'text':
      return {
        state: 'answering',
        text: answer.text + piece.text,
        tokens: piece.tokens.length > 0 ? [...answer.tokens, ...piece.tokens] : answer.tokens,
        firstMs: answer.firstMs ?? nowMs,
        tokenCount: (answer.tokenCount ?? 0) + Math.max(piece.tokens.length, 1),
      };
    case 'end':
      return { state: 'done', finishReason: piece.finishReason, totalMs: nowMs, tokenCount: piece.tokenCount ?? answer.tokenCount };
  }
}

function stoppedAll(answers: Turn['answers']): Turn['answers'] {
  const stopped = Object.entries(answers).map(
    ([id, answer]) => [id, isRunning(answer) ? { ...answer, state: 'stopped' } : answer] as const,
  );
  return Object.fromEntries(stopped) as Turn['answers'];
}
