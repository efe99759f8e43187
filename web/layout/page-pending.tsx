/** Shown while the code of a page comes. */
import { Waiting } from '../components/waiting.tsx';

export function PagePending() {
  return <Waiting for="the page" />;
}
