/** Answers while they are being made: the words of each lane so far, before the answer is stored. */
import { useEffect, useState } from 'react';
import type { ProbeDelta, ProbeLane } from '#contract/probe.ts';
import { followStream } from '../api/follow-stream.ts';
import { everyFrame } from '../run-page/every-frame.ts';

export interface Draft {
  step: number;
  text: string;
  state: ProbeDelta['state'];
  waitedSeconds: number | null;
}

export type Drafts = ReadonlyMap<string, Draft>;

export const draftKey = (probeId: string, lane: ProbeLane): string => `${probeId} ${lane}`;

/** Adds a piece; the end of an answer leaves it there until the stored one takes its place. */
export function withDelta(drafts: Drafts, delta: ProbeDelta): Drafts {
  const key = draftKey(delta.probe_id, delta.lane);
  const known = drafts.get(key);
  const before = known?.step === delta.step && known.state === 'answering' ? known.text : '';
  const draft = { step: delta.step, text: before + delta.text, state: delta.state, waitedSeconds: delta.waited_seconds };
  return new Map(drafts).set(key, draft);
}

/** While `isOn`: a run that is over answers nothing any more. */
export function useDeltas(runId: string, isOn: boolean): Drafts {
  const [shown, setShown] = useState<Drafts>(new Map());
  useEffect(() => {
    if (!isOn) return;
    let drafts: Drafts = new Map();
    const show = everyFrame(() => setShown(drafts));
    const stop = followStream({
      address: () => `/api/v1/training/jobs/${encodeURIComponent(runId)}/probes/stream`,
      onData: (data) => {
        drafts = withDelta(drafts, data as ProbeDelta);
        show();
        return undefined;
      },
      onConnection: (connection) => {
        // The words in between are missed: the stored answer will have them.
        if (connection === 'lost') drafts = new Map();
        show();
      },
    });
    return () => {
      stop();
      show.stop();
    };
  }, [runId, isOn]);
  return shown;
}
