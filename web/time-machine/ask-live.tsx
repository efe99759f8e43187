/** Asks the run a question in the middle of its training: answered between two steps, once or again and again. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import type { Probe } from '#contract/probe.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { toastFailure } from '../layout/toasts.ts';
import { probesQuery } from './use-probes.ts';

export function AskLive({ runId, onAsked }: { runId: string; onAsked: (probeId: string) => void }) {
  const [prompt, setPrompt] = useState('');
  const [reference, setReference] = useState('');
  const [repeat, setRepeat] = useState(false);
  const client = useQueryClient();
  const ask = useMutation({
    mutationFn: () =>
      call<Probe>(`/api/v1/training/jobs/${encodeURIComponent(runId)}/probes`, {
        body: { prompt: prompt.trim(), repeat, ...(repeat && reference.trim() !== '' && { reference: reference.trim() }) },
      }),
    onSuccess: async (probe) => {
      setPrompt('');
      setReference('');
      onAsked(probe.id);
      await client.invalidateQueries({ queryKey: probesQuery(runId).queryKey });
    },
    onError: toastFailure,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (prompt.trim() !== '') ask.mutate();
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-2">
      <div className="flex gap-2">
        <input
          className="min-w-0 flex-1 rounded border px-3 py-1.5"
          aria-label="Ask the live weights"
          placeholder="Ask the live weights: answered within a step"
          value={prompt}
          maxLength={100_000}
          onChange={(event) => setPrompt(event.target.value)}
        />
        <Button type="submit" disabled={prompt.trim() === '' || ask.isPending} keys="Enter">
          {repeat ? 'Pin' : 'Ask'}
        </Button>
      </div>
      <label className="flex items-center gap-2 text-[13px] text-muted">
        <input type="checkbox" checked={repeat} onChange={(event) => setRepeat(event.target.checked)} />
        Pin it: ask again and again while the run goes on
      </label>
      {repeat && (
        <input
          className="rounded border px-3 py-1.5"
          aria-label="Reference answer"
          placeholder="A good answer (optional): its loss is measured each time"
          value={reference}
          onChange={(event) => setReference(event.target.value)}
        />
      )}
    </form>
  );
}
