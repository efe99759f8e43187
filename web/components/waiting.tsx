/** What is being waited for, named once the wait is long enough to be noticed. */
import { useEffect, useState } from 'react';

const quietMs = 300;

export function Waiting({ for: what }: { for: string }) {
  const [isShown, setIsShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsShown(true), quietMs);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p role="status" className={`py-6 text-center text-muted ${isShown ? '' : 'invisible'}`}>
      Waiting for {what}…
    </p>
  );
}
