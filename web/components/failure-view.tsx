/** A failure as a page shows it: what happened and what to do, the code, and the request to ask about. */
import { asFailure } from '../api/failure.ts';
import { Button } from './button.tsx';

export function FailureView({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { code, message, requestId } = asFailure(error);
  return (
    <div role="alert" className="rounded-lg border border-bad bg-bad-soft px-4 py-3">
      <p className="break-words font-medium">{message}</p>
      <p className="mt-1 flex flex-wrap items-center gap-x-4 gap-y-1 text-muted">
        <span>
          code <code className="text-ink">{code}</code>
        </span>
        {requestId && (
          <span>
            request <code className="text-ink">{requestId}</code>
          </span>
        )}
        {code !== 'unknown' && code !== 'unreachable' && (
          <span>
            more in <code className="text-ink">docs/troubleshooting.md#{code}</code>
          </span>
        )}
      </p>
      {onRetry && (
        <Button className="mt-2" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
