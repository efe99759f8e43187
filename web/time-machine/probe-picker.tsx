/** Chooses the probe that the lanes show; those a person added can be taken out again. */
import { useMutation } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import type { Probe, ProbeOrigin } from '#contract/probe.ts';
import { call } from '../api/call.ts';
import { Button } from '../components/button.tsx';
import { toastFailure } from '../layout/toasts.ts';
import { probesQuery } from './use-probes.ts';

const origins: Record<ProbeOrigin, string> = {
  chosen: 'Chosen by you',
  validation: 'From the validation file',
  training: 'From the training file',
  off_domain: 'Off its subject: has it forgotten?',
  should_refuse: 'Should be refused',
  asked: 'Asked once',
};

interface ProbePickerProps {
  runId: string;
  probes: readonly Probe[];
  probe: Probe;
  isRunning: boolean;
  onChoose: (id: string) => void;
}

export function ProbePicker({ runId, probes, probe, isRunning, onChoose }: ProbePickerProps) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      call(`/api/v1/training/jobs/${encodeURIComponent(runId)}/probes/${encodeURIComponent(probe.id)}`, { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: probesQuery(runId).queryKey }),
    onError: toastFailure,
  });
  const groups = Object.entries(Object.groupBy(probes, ({ origin }) => origin));
  return (
    <div className="flex flex-wrap items-center gap-2">
      <label className="flex min-w-0 flex-1 items-center gap-2">
        <span aria-hidden className="text-muted">
          Probe
        </span>
        <select
          aria-label="Probe"
          className="min-w-0 flex-1 rounded border px-2 py-1.5"
          value={probe.id}
          onChange={(event) => onChoose(event.target.value)}
        >
          {groups.map(([origin, members]) => (
            <optgroup key={origin} label={origins[origin as ProbeOrigin]}>
              {members!.map((member) => (
                <option key={member.id} value={member.id}>
                  {questionOf(member)}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      {isRunning && probe.origin !== 'asked' && (
        <Button kind="quiet" onClick={() => remove.mutate()} disabled={remove.isPending} title="It is no longer answered; its answers stay">
          Remove
        </Button>
      )}
    </div>
  );
}

/** The last thing the user says in it, on one line. */
export function questionOf(probe: Probe): string {
  const text = probe.messages.findLast(({ role }) => role === 'user')?.content ?? probe.messages.at(-1)?.content ?? '';
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
