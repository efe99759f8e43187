/** One lane's answer to one question: who answers, how fast, what it says, and what went wrong. */
import { Button } from '../components/button.tsx';
import { duration } from '../components/format.ts';
import { AnswerText } from './answer-text.tsx';
import { isRunning, tokensPerSecond, type Answer, type Lane } from './conversation.ts';

interface LaneAnswerProps {
  lane: Lane;
  answer: Answer | undefined;
  isHeated: boolean;
  onRerun: () => void;
  onCode: () => void;
}

export function LaneAnswer({ lane, answer, isHeated, onRerun, onCode }: LaneAnswerProps) {
  return (
    <article
      aria-label={`Answer of ${lane.model}`}
      data-lane={lane.model}
      data-state={answer?.state ?? 'none'}
      className="flex min-w-0 flex-col rounded-lg border bg-card"
    >
      <header className="flex items-center justify-between gap-2 border-b px-3 py-1.5">
        <span className="min-w-0">
          <b className="block truncate font-medium" title={answer?.version ?? lane.model}>
            {lane.model}
          </b>
          <span className="text-muted">{answer ? figures(answer) : 'not asked yet'}</span>
        </span>
        <span className="flex">
          <Button kind="quiet" onClick={onCode} aria-label={`Code for ${lane.model}`}>
            {'</>'}
          </Button>
          <Button kind="quiet" onClick={onRerun} aria-label={`Ask ${lane.model} again`} disabled={isRunning(answer)}>
            ↻
          </Button>
        </span>
      </header>
      <div className="flex-1 px-3 py-2">
        {answer?.state === 'waiting' && <p className="text-muted">Waiting for {answer.waitingFor ?? 'the first token'}…</p>}
        {answer && answer.text !== '' && <AnswerText answer={answer} isHeated={isHeated} />}
        {answer?.state === 'done' && answer.text === '' && <p className="text-muted">It said nothing: its first token was the end.</p>}
        {answer?.state === 'stopped' && <p className="text-muted">Stopped.</p>}
        {answer?.failure && (
          <p role="alert" className="break-words rounded bg-bad-soft px-2 py-1 text-bad">
            {answer.failure.message} <code>{answer.failure.code}</code>
            {answer.failure.requestId && <span className="text-muted"> {answer.failure.requestId}</span>}
          </p>
        )}
      </div>
    </article>
  );
}

/** `41 tok/s · first token 0.18 s · 57 tokens · cut at the limit` */
function figures(answer: Answer): string {
  const rate = tokensPerSecond(answer);
  return [
    rate === null ? '' : `${rate.toFixed(rate < 10 ? 1 : 0)} tok/s`,
    answer.firstMs === null ? '' : `first token ${duration(answer.firstMs / 1000)}`,
    answer.tokenCount === null ? '' : `${answer.tokenCount} tokens`,
    answer.finishReason === 'length' ? 'cut at the limit' : '',
    answer.version?.startsWith('step ') ? answer.version : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
