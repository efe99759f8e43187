/** New run: five fields, every setting beneath them, the plan beside the button that starts it, and the same run as code. */
import { useEffect, useMemo, useState } from 'react';
import { asFailure } from '../api/failure.ts';
import { CodeView } from '../code/code-view.tsx';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { useUrlState } from '../components/use-url-state.ts';
import { useShortcuts } from '../layout/shortcuts.ts';
import { AdvancedSettings } from '../new-run/advanced-settings.tsx';
import { BudgetField } from '../new-run/budget-field.tsx';
import { CompareField } from '../new-run/compare-field.tsx';
import { DataField } from '../new-run/data-field.tsx';
import { problemsOf, requestOf, type RunRequest } from '../new-run/draft.ts';
import { Problems } from '../new-run/field.tsx';
import { MethodField } from '../new-run/method-field.tsx';
import { ModelField } from '../new-run/model-field.tsx';
import { PlanCard } from '../new-run/plan-card.tsx';
import { ProbesField } from '../new-run/probes-field.tsx';
import { runSnippets } from '../new-run/run-snippets.ts';
import { useDraft } from '../new-run/use-draft.ts';
import { usePlan } from '../new-run/use-plan.ts';
import { useStart } from '../new-run/use-start.ts';

/** Fields whose problems the form shows in their place; any other is told beside the button. */
const shownPaths = /^(model|training_file|validation_file|suffix|seed|method|extensions)/;

export function Page() {
  const [draft, change] = useDraft();
  const [wasTried, setWasTried] = useState(false);
  const request = useMemo(() => requestOf(draft), [draft]);
  const plan = usePlan(request);
  const start = useStart();
  const { reset } = start;
  // What was refused was another request.
  useEffect(reset, [request, reset]);
  const missing = problemsOf(draft);
  const isComplete = Object.keys(missing).length === 0;
  const refused = [start.error, plan.error].flatMap((error) => (error ? [asFailure(error)] : []));
  const told = refused.filter(({ param }) => param !== null && shownPaths.test(param));
  const untold = start.error !== null && !told.includes(asFailure(start.error)) ? start.error : null;
  const problems = {
    ...Object.fromEntries(told.map(({ param, message }) => [param!, message])),
    ...(wasTried ? missing : typedWrong(missing)),
  };
  const begin = (): void => {
    setWasTried(true);
    if (!isComplete || start.isPending) return;
    start.mutate(plan.plan?.state === 'ready' ? { ...request, extensions: { ...request.extensions, plan: plan.plan.id } } : request);
  };
  useShortcuts([
    { keys: 'mod+Enter', label: 'Start the run', group: 'New run', run: begin },
    { keys: 'm', label: 'Measure the plan', group: 'New run', run: () => isComplete && plan.measure() },
  ]);
  return (
    <Problems value={problems}>
      <h1 className="mb-3 text-xl font-semibold">New run</h1>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_27rem]">
        <div className="min-w-0">
          <div className="rounded-lg border bg-card px-3">
            <ModelField draft={draft} change={change} />
            <DataField draft={draft} change={change} />
            <MethodField draft={draft} change={change} />
            <BudgetField draft={draft} change={change} plan={plan.plan?.state === 'ready' ? plan.plan : null} />
            <ProbesField draft={draft} change={change} />
          </div>
          <AdvancedSettings draft={draft} change={change} config={plan.plan?.config ?? null} />
        </div>
        <div className="grid min-w-0 gap-4 lg:sticky lg:top-16">
          <PlanCard state={plan} isComplete={isComplete}>
            <div className="mt-3">
              <Button kind="primary" className="w-full" keys="mod+Enter" disabled={start.isPending} onClick={begin}>
                {start.isPending ? 'Checking the rows…' : 'Start run'}
              </Button>
              {wasTried && !isComplete && <p className="mt-1.5 text-bad">{Object.values(missing).join('; ')}</p>}
              {untold !== null && <FailureView error={untold} />}
            </div>
          </PlanCard>
          <CompareField draft={draft} change={change} />
          <RunAsCode request={request} />
        </div>
      </div>
    </Problems>
  );
}

function RunAsCode({ request }: { request: RunRequest }) {
  const [language, setLanguage] = useUrlState('as', 'CLI');
  const complete = { ...request, training_file: request.training_file || 'FILE-ID' };
  return (
    <Card title="The same as code">
      <CodeView snippets={runSnippets(complete, { origin: location.origin })} chosen={language} onChoose={setLanguage} />
    </Card>
  );
}

/** An empty form is not scolded: what is missing is said once one tries to start. */
function typedWrong(missing: Record<string, string>): Record<string, string> {
  const { model: _, training_file: __, ...wrong } = missing;
  return wrong;
}
