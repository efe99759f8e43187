/** The playground of this page: its lanes and sampling from the address, its answers from the platform. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useAddressState } from '../components/use-address-state.ts';
import { useUrlState } from '../components/use-url-state.ts';
import { ApiFailure } from '../api/failure.ts';
import { everyFrame } from '../run-page/every-frame.ts';
import type { AnswerPiece } from './answer-pieces.ts';
import { askModel, topLogprobs } from './ask-model.ts';
import { askRun } from './ask-run.ts';
import { livePrefix, type Lane } from './conversation.ts';
import { keepTurns, readTurns, spelling, writeQuestions } from './playground-address.ts';
import { PlaygroundSession, type Ask, type Snapshot } from './playground-session.ts';
import { samplingFields, type Sampling } from './sampling.ts';

export interface Playground extends Snapshot {
  lanes: Lane[];
  sampling: Sampling;
  setLanes: (lanes: Lane[]) => void;
  setModel: (lane: Lane, model: string) => void;
  setSampling: (change: Partial<Sampling>) => void;
  send: (question: string) => void;
  edit: (index: number, question: string) => void;
  /** Answers the turn again; without a lane on all of them. */
  rerun: (index: number, lane?: Lane) => void;
  stop: () => void;
  clear: () => void;
}

export function usePlayground(): Playground {
  const [{ lanes, sampling }, change] = useAddressState(spelling);
  const [questions, setQuestions] = useUrlState('ask');
  const [session] = useState(() => new PlaygroundSession(readTurns(questions, lanes)));
  const [snapshot, setSnapshot] = useState(session.snapshot);
  const ask = useAsk(sampling);
  const setLanes = useCallback((given: Lane[]) => change({ lanes: given }), [change]);

  useEffect(() => {
    const show = everyFrame(() => setSnapshot(session.snapshot));
    const unwatch = session.watch(show);
    return () => {
      unwatch();
      show.stop();
      session.stop();
    };
  }, [session]);
  const isQuiet = !snapshot.isRunning;
  useEffect(() => {
    if (isQuiet) keepTurns(snapshot.turns, lanes);
  }, [isQuiet, snapshot.turns, lanes]);
  const written = useMemo(() => writeQuestions(snapshot.turns), [snapshot.turns]);
  useEffect(() => {
    if (written !== questions) setQuestions(written);
  }, [written, questions, setQuestions]);

  return {
    ...snapshot,
    lanes,
    sampling,
    setLanes,
    setModel: (lane, model) => {
      session.clearLane(lane);
      change({ lanes: lanes.map((old) => (old.id === lane.id ? { ...old, model } : old)) });
    },
    setSampling: (given) => change({ sampling: { ...sampling, ...given } }),
    send: (question) => session.send(question, lanes, sampling.system, ask),
    edit: (index, question) => session.edit(index, question, lanes, sampling.system, ask),
    rerun: (index, lane) => session.run(index, lane ? [lane] : lanes, sampling.system, ask),
    stop: () => session.stop(),
    clear: () => session.clear(),
  };
}

/** Asks with the sampling of the moment; a run that trains is asked by its own rules. */
function useAsk(sampling: Sampling): Ask {
  const latest = useRef(sampling);
  useEffect(() => {
    latest.current = sampling;
  });
  return useCallback((lane, messages, signal) => {
    if (lane.model.startsWith(livePrefix)) return askRun(lane.model.slice(livePrefix.length), messages, signal);
    const fields = samplingFields(latest.current);
    const ask = (more: object) => askModel(lane.model, messages, { ...fields, ...more }, signal);
    return latest.current.withProbabilities ? withoutIfRefused(ask) : ask({});
  }, []);
}

/** Not every server tells probabilities: one that refuses to is asked for the text alone. */
async function* withoutIfRefused(ask: (more: object) => AsyncGenerator<AnswerPiece, void>): AsyncGenerator<AnswerPiece, void> {
  try {
    return yield* ask({ logprobs: true, top_logprobs: topLogprobs });
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.status !== 400 || !/logprob/i.test(error.message)) throw error;
  }
  yield* ask({});
}
