/** Shown at an address that has no page. */
import { Link } from '@tanstack/react-router';
import { EmptyState } from '../components/empty-state.tsx';

export function NotFound() {
  return (
    <EmptyState title="There is no page at this address">
      <Link to="/" className="text-accent underline">
        Go to Home
      </Link>
    </EmptyState>
  );
}
