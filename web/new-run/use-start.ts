/** Starts the run, once, however often the button is pressed or the answer is lost. */
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useRef } from 'react';
import type { FineTuningJob } from '#contract/openai/fine-tuning.ts';
import { call } from '../api/call.ts';
import type { RunRequest } from './draft.ts';

export function useStart() {
  const navigate = useNavigate();
  // The same request is the same run; another request gets another key.
  const sent = useRef({ body: '', key: '' });
  return useMutation({
    mutationFn: (request: RunRequest) => {
      const body = JSON.stringify(request);
      if (sent.current.body !== body) sent.current = { body, key: randomKey() };
      return call<FineTuningJob>('/v1/fine_tuning/jobs', { body: request, headers: { 'idempotency-key': sent.current.key } });
    },
    onSuccess: ({ id }) => void navigate({ to: '/runs/$id', params: { id } }),
  });
}

/** randomUUID is not there on a page that came over plain http from another machine. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
