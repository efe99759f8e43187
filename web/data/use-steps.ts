/** Work of several steps, of which each says what it is: shown while one waits, and what went wrong at the end. */
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

/** `step` is null when nothing is under way. */
export function useSteps<Given, Made>(
  work: (given: Given, onStep: (step: string) => void) => Promise<Made>,
  onDone: (made: Made) => void,
): { begin: (given: Given) => void; step: string | null; error: unknown; reset: () => void } {
  const [step, setStep] = useState('');
  const mutation = useMutation({ mutationFn: (given: Given) => work(given, setStep), onSuccess: onDone });
  return { begin: mutation.mutate, step: mutation.isPending ? step : null, error: mutation.error, reset: mutation.reset };
}
