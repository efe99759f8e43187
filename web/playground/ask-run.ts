/** Asks a run that is training: its weights of the moment answer, and the wait for them is told. */
import type { Probe, ProbeAnswerList, ProbeDelta } from '#contract/probe.ts';
import { call } from '../api/call.ts';
import { ApiFailure } from '../api/failure.ts';
import { followStream } from '../api/follow-stream.ts';
import type { AnswerPiece } from './answer-pieces.ts';
import type { Message } from './conversation.ts';

/** How often it is asked whether the answer was stored meanwhile: a delta that was missed is not sent again. */
const askAgainMs = 2000;

/** Throws an ApiFailure, `invalid_state` when the run ends before it answers; or the signal's reason. */
export async function* askRun(runId: string, messages: Message[], signal: AbortSignal): AsyncGenerator<AnswerPiece, void> {
  const path = `/api/v1/training/jobs/${encodeURIComponent(runId)}/probes`;
  const deltas = new Inbox<ProbeDelta | 'ended' | 'look'>();
  const stop = followStream({
    address: () => `${path}/stream`,
    onData: (data) => {
      deltas.put(data as ProbeDelta);
      return undefined;
    },
    onConnection: (connection) => connection === 'ended' && deltas.put('ended'),
  });
  const timer = setInterval(() => deltas.put('look'), askAgainMs);
  const onAbort = (): void => deltas.put('look');
  signal.addEventListener('abort', onAbort);
  try {
    const probe = await call<Probe>(path, { body: { messages, repeat: false }, signal });
    yield { type: 'waiting', for: 'the run, at most a step of it' };
    let text = '';
    for (;;) {
      const delta = await deltas.take();
      signal.throwIfAborted();
      if (delta === 'look' || delta === 'ended') {
        const stored = await storedAnswer(path, probe.id, signal);
        if (stored) {
          yield { type: 'text', text: stored.text.slice(text.length), tokens: [] };
          yield { type: 'version', version: `step ${stored.step}` };
          return yield { type: 'end', finishReason: stored.finish_reason, tokenCount: stored.tokens };
        }
        if (delta === 'ended')
          throw new ApiFailure({ code: 'invalid_state', status: 400, message: 'The run ended before it could answer.' });
      } else if (delta.probe_id === probe.id && delta.lane === 'live') {
        if (text === '' && delta.text !== '') yield { type: 'version', version: `step ${delta.step}` };
        text += delta.text;
        if (delta.text !== '') yield { type: 'text', text: delta.text, tokens: [] };
        if (delta.done) return yield { type: 'end', finishReason: null, tokenCount: null };
      }
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', onAbort);
    stop();
  }
}

async function storedAnswer(path: string, probeId: string, signal: AbortSignal) {
  const { data } = await call<ProbeAnswerList>(`${path}/answers?probe_id=${encodeURIComponent(probeId)}`, { signal });
  return data.find(({ lane }) => lane === 'live') ?? null;
}

/** What is put in one by one is taken out one by one, in order. */
class Inbox<Item> {
  readonly #items: Item[] = [];
  #wake: () => void = () => {};

  put(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  async take(): Promise<Item> {
    while (this.#items.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#items.shift()!;
  }
}
