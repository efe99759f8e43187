/** What is being waited for, and for how long already. */
import { useEffect, useState } from 'react';

/** `hint` says how long it usually takes, where that is known. */
export function StepLine({ step, hint = '' }: { step: string; hint?: string }) {
  const seconds = useSeconds();
  return (
    <p role="status" className="flex items-center gap-2 py-1 text-muted">
      <span aria-hidden className="size-2 animate-pulse rounded-full bg-accent" />
      <span>
        {step}…{seconds >= 1 && <span className="tabular-nums"> {seconds} s</span>}
        {hint !== '' && <span> · {hint}</span>}
      </span>
    </p>
  );
}

/** Since it was first shown. */
function useSeconds(): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const beganMs = performance.now();
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - beganMs) / 1000)), 500);
    return () => clearInterval(timer);
  }, []);
  return seconds;
}
