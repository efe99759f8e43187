/** What this page does, as commands: to watch, steer and ask the run from a terminal or a program. */
import { useState } from 'react';
import type { TrainingRun } from '#contract/training-run.ts';
import { CodeView } from '../code/code-view.tsx';
import { keyVariable, type Snippet } from '../code/languages.ts';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';

export function CopyAs({ run }: { run: TrainingRun }) {
  const [isOpen, setIsOpen] = useState(false);
  const [chosen, setChosen] = useState('CLI');
  return (
    <>
      <Button kind="quiet" onClick={() => setIsOpen(true)}>
        Copy as…
      </Button>
      <Dialog title="This run from elsewhere" isOpen={isOpen} onClose={() => setIsOpen(false)}>
        {isOpen && <CodeView snippets={snippetsOf(run, location.origin)} chosen={chosen} onChoose={setChosen} />}
      </Dialog>
    </>
  );
}

export function snippetsOf(run: TrainingRun, origin: string): Snippet[] {
  const key = `-H "Authorization: Bearer $${keyVariable}"`;
  const cli = [
    `tuneloop run watch ${run.id}`,
    `tuneloop run show ${run.id} --json`,
    `tuneloop run pause ${run.id}`,
    `tuneloop run resume ${run.id}`,
    `tuneloop run cancel ${run.id}`,
  ];
  const curl = [
    `curl ${key} \\\n  ${origin}/api/v1/training/jobs/${run.id}`,
    `curl -N ${key} \\\n  "${origin}/api/v1/training/jobs/${run.id}/events/stream?after=0"`,
    `curl -X POST ${key} \\\n  ${origin}/v1/fine_tuning/jobs/${run.id}/pause`,
    `curl -X POST ${key} \\\n  ${origin}/v1/fine_tuning/jobs/${run.id}/resume`,
    `curl -X POST ${key} \\\n  ${origin}/api/v1/training/jobs/${run.id}/stop`,
    `curl -X POST ${key} \\\n  ${origin}/v1/fine_tuning/jobs/${run.id}/cancel`,
  ];
  return [
    { label: 'CLI', code: cli.join('\n'), hint: 'In the folder of the platform: ./bin/tuneloop …' },
    { label: 'cURL', code: curl.join('\n\n'), hint: `With the API key in ${keyVariable}.` },
  ];
}
