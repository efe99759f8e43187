/** One lane: what these weights answer, with the words marked that the base does not say, and the loss of the reference over time. */
import { useMemo } from 'react';
import type { RunProbeAnswer } from '#contract/probe.ts';
import { Sparkline } from '../charts/sparkline.tsx';
import { duration, figure } from '../components/format.ts';
import type { Draft } from './use-deltas.ts';
import { diffWords } from './word-diff.ts';

interface LaneProps {
  title: string;
  /** The dot of the lane whose weights move. */
  isLive?: boolean;
  answer: RunProbeAnswer | null;
  /** Shown in place of the answer while it is made. */
  draft?: Draft | undefined;
  /** null: nothing to compare with. */
  baseText: string | null;
  /** Answers of this lane, for its curve of the reference's loss. */
  history: readonly RunProbeAnswer[];
  /** What stands there while there is no answer. */
  waitingFor: string;
}

export function Lane({ title, isLive = false, answer, draft, baseText, history, waitingFor }: LaneProps) {
  const text = draft ? draft.text : answer?.text;
  return (
    <section className="flex min-w-0 flex-col rounded border bg-inset" aria-label={title} data-lane={title.split(' ')[0]}>
      <header className="flex items-center gap-2 border-b px-2.5 py-1.5 text-[13px] font-medium">
        {isLive && <span aria-hidden className={`size-2 rounded-full bg-accent ${draft ? 'animate-pulse' : ''}`} />}
        {title}
      </header>
      <p className="min-h-24 flex-1 whitespace-pre-wrap break-words px-2.5 py-2" data-answer>
        {text === undefined || (draft?.state === 'waiting' && text === '') ? (
          <span className="text-muted">{waitingFor}</span>
        ) : (
          <Words text={text} baseText={baseText} isGrowing={draft !== undefined} />
        )}
        {answer?.finish_reason === 'length' && !draft && (
          <span className="text-muted" title="Cut at the probe's longest answer">
            {' '}
            …
          </span>
        )}
      </p>
      <LaneFoot answer={answer} history={history} />
    </section>
  );
}

/** Plain text always: what a model says is nobody's markup. */
function Words({ text, baseText, isGrowing }: { text: string; baseText: string | null; isGrowing: boolean }) {
  const pieces = useMemo(
    () => (baseText === null || isGrowing ? [{ text, isChanged: false }] : diffWords(baseText, text)),
    [text, baseText, isGrowing],
  );
  return (
    <>
      {pieces.map(({ text: words, isChanged }, index) =>
        isChanged ? (
          <mark key={index} className="rounded-sm bg-accent-soft text-ink underline decoration-accent decoration-1 underline-offset-3">
            {words}
          </mark>
        ) : (
          <span key={index}>{words}</span>
        ),
      )}
      {isGrowing && (
        <span aria-hidden className="animate-pulse text-accent">
          ▌
        </span>
      )}
    </>
  );
}

function LaneFoot({ answer, history }: { answer: RunProbeAnswer | null; history: readonly RunProbeAnswer[] }) {
  const losses = history.filter((known) => known.reference_loss !== null);
  const marked = losses.findIndex((known) => known.seq === answer?.seq);
  return (
    <footer className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1 border-t px-2.5 py-1.5 text-[12px] text-muted">
      {answer?.reference_loss === null || !answer ? (
        <span>no reference answer</span>
      ) : (
        <span title="Mean loss of the reference answer's tokens, in nats; lower is nearer">
          ref. loss <strong className="font-mono text-ink">{figure(answer.reference_loss)}</strong>
        </span>
      )}
      {losses.length > 1 && (
        <Sparkline
          values={losses.map((known) => known.reference_loss!)}
          marked={marked === -1 ? undefined : marked}
          label={`Loss of the reference: ${figure(losses[0]!.reference_loss!)} at step ${losses[0]!.step}, ${figure(losses.at(-1)!.reference_loss!)} at step ${losses.at(-1)!.step}`}
        />
      )}
      {answer && (
        <span title={`First token after ${duration(answer.first_token_seconds)}`}>
          {answer.tokens} tokens in {duration(answer.seconds)}
        </span>
      )}
    </footer>
  );
}
