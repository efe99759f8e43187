/** Shown in place of a page that threw. */
import type { ErrorComponentProps } from '@tanstack/react-router';
import { FailureView } from '../components/failure-view.tsx';

export function PageFailed({ error, reset }: ErrorComponentProps) {
  return <FailureView error={error} onRetry={reset} />;
}
