import { describe, expect, it } from 'vitest';
import { ApiFailure } from '../api/failure.ts';
import type { AnswerPiece } from './answer-pieces.ts';
import { messagesFor, newAnswer, type Lane, type Message } from './conversation.ts';
import { PlaygroundSession, type Ask } from './playground-session.ts';

const left: Lane = { id: 1, model: 'left' };
const right: Lane = { id: 2, model: 'right' };

/** Answers with the model's name and how many messages it was sent. */
const echo: Ask = async function* (lane, messages) {
  yield { type: 'text', text: `${lane.model} `, tokens: [] };
  yield { type: 'text', text: String(messages.length), tokens: [] };
  yield { type: 'end', finishReason: 'stop', tokenCount: 2 };
};

/** Goes on until it is told to stop. */
const endless: Ask = async function* (_lane, _messages, signal): AsyncGenerator<AnswerPiece, void> {
  for (;;) {
    yield { type: 'text', text: 'more ', tokens: [] };
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal.throwIfAborted();
  }
};

function quiet(session: PlaygroundSession): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => void (!session.snapshot.isRunning && resolve());
    session.watch(look);
    look();
  });
}

const textsOf = (session: PlaygroundSession): string[][] =>
  session.snapshot.turns.map(({ answers }) => [left, right].map((lane) => answers[lane.id]?.text ?? '–'));

describe('a conversation', () => {
  it('asks every lane, each with its own earlier answers and the system prompt', async () => {
    const session = new PlaygroundSession();
    const sent: [string, Message[]][] = [];
    const ask: Ask = (lane, messages, signal) => {
      sent.push([lane.model, messages]);
      return echo(lane, messages, signal);
    };
    session.send('one', [left, right], 'be brief', ask);
    await quiet(session);
    session.send('two', [left, right], 'be brief', ask);
    await quiet(session);
    expect(textsOf(session)).toEqual([
      ['left 2', 'right 2'],
      ['left 4', 'right 4'],
    ]);
    expect(sent.at(-1)).toEqual([
      'right',
      [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'right 2' },
        { role: 'user', content: 'two' },
      ],
    ]);
  });

  it('forgets what came after a question that is written anew', async () => {
    const session = new PlaygroundSession();
    for (const question of ['one', 'two', 'three']) {
      session.send(question, [left], '', echo);
      await quiet(session);
    }
    session.edit(1, 'TWO', [left], '', echo);
    await quiet(session);
    expect(session.snapshot.turns.map(({ question }) => question)).toEqual(['one', 'TWO']);
    expect(textsOf(session)[1]![0]).toBe('left 3');
  });

  it('asks one lane again, whose later answers rested on the old one', async () => {
    const session = new PlaygroundSession();
    session.send('one', [left, right], '', echo);
    await quiet(session);
    session.send('two', [left, right], '', echo);
    await quiet(session);
    session.run(0, [left], '', echo);
    await quiet(session);
    expect(textsOf(session)).toEqual([
      ['left 1', 'right 1'],
      ['–', 'right 3'],
    ]);
  });

  it('keeps what was said when it is stopped', async () => {
    const session = new PlaygroundSession();
    session.send('go', [left, right], '', endless);
    await new Promise((resolve) => setTimeout(resolve, 20));
    session.stop();
    await quiet(session);
    for (const lane of [left, right]) {
      const answer = session.snapshot.turns[0]!.answers[lane.id]!;
      expect(answer.state).toBe('stopped');
      expect(answer.text).toContain('more');
      expect(answer.failure).toBeNull();
    }
  });

  it('tells what went wrong in one lane and lets the other go on', async () => {
    const session = new PlaygroundSession();
    const ask: Ask = async function* (lane, messages, signal) {
      if (lane === left) throw new ApiFailure({ code: 'model_not_found', message: 'gone', status: 404, requestId: 'req_1' });
      yield* echo(lane, messages, signal);
    };
    session.send('go', [left, right], '', ask);
    await quiet(session);
    expect(session.snapshot.turns[0]!.answers[1]).toMatchObject({
      state: 'failed',
      failure: { code: 'model_not_found', message: 'gone', requestId: 'req_1' },
    });
    expect(session.snapshot.turns[0]!.answers[2]!.state).toBe('done');
  });

  it('that was being answered when the page went away is shown as stopped', () => {
    const session = new PlaygroundSession([{ id: 3, question: 'q', answers: { 1: { ...newAnswer, state: 'answering', text: 'hal' } } }]);
    expect(session.snapshot.turns[0]!.answers[1]).toMatchObject({ state: 'stopped', text: 'hal' });
  });

  it('says nothing for an answer that never came, so that the roles stay in turn', () => {
    const turns = [
      { id: 1, question: 'a', answers: {} },
      { id: 2, question: 'b', answers: {} },
    ];
    expect(messagesFor(turns, 1, 1, ' ').map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });
});
