/** How long the run may take: held against the plan, and met by fewer steps where it has to be. */
import type { TrainingPlan } from '#contract/plan.ts';
import { Button } from '../components/button.tsx';
import { duration } from '../components/format.ts';
import type { Draft } from './draft.ts';
import { boxLook, Field, Problem } from './field.tsx';
import { stepsWithin } from './steps-within.ts';
import type { ChangeDraft } from './use-draft.ts';

interface BudgetFieldProps {
  draft: Draft;
  change: ChangeDraft;
  /** Of this very draft; null while there is none. */
  plan: TrainingPlan | null;
}

export function BudgetField({ draft, change, plan }: BudgetFieldProps) {
  const seconds = budgetSeconds(draft.budgetMinutes);
  return (
    <Field number={4} title="Budget" paths={['suffix', 'seed']}>
      <div className="flex flex-wrap gap-3">
        <TextBox
          label="Time, minutes"
          value={draft.budgetMinutes}
          placeholder="no limit"
          onChange={(budgetMinutes) => change({ budgetMinutes })}
        />
        <TextBox label="Name of the model" value={draft.suffix} placeholder="default" onChange={(suffix) => change({ suffix })} />
        <TextBox label="Seed" value={draft.seed} placeholder="drawn" onChange={(seed) => change({ seed })} />
      </div>
      {seconds === undefined && <Problem text="minutes, more than 0" />}
      {seconds && plan ? <Verdict seconds={seconds} plan={plan} change={change} draft={draft} /> : null}
      {seconds && !plan ? <p className="mt-1.5 text-muted">Measure the plan to see whether the run keeps within it.</p> : null}
    </Field>
  );
}

/** Null is no limit, undefined is no number of minutes. */
export function budgetSeconds(minutes: string): number | null | undefined {
  if (minutes.trim() === '') return null;
  const value = Number(minutes) * 60;
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function Verdict({ seconds, plan, draft, change }: { seconds: number; plan: TrainingPlan; draft: Draft; change: ChangeDraft }) {
  if (!plan.time_seconds) return null;
  const { p50, p90 } = plan.time_seconds;
  if (p90 <= seconds)
    return (
      <p className="mt-1.5 text-good">
        It keeps within {duration(seconds)}: nine in ten such runs end by {duration(p90)}.
      </p>
    );
  const steps = stepsWithin(seconds, plan);
  return (
    <div className="mt-1.5 flex flex-wrap items-center gap-2 rounded bg-warn-soft px-2 py-1.5 text-warn">
      <span>
        {p50 <= seconds ? 'It may take longer' : 'It takes longer'} than {duration(seconds)}: {duration(p50)}, one in ten more than{' '}
        {duration(p90)}.
      </span>
      {steps !== null && (
        <Button onClick={() => change({ settings: { ...draft.settings, max_steps: String(steps) } })}>Stop after {steps} steps</Button>
      )}
    </div>
  );
}

interface TextBoxProps {
  label: string;
  value: string;
  placeholder: string;
  onChange: (text: string) => void;
}

function TextBox({ label, value, placeholder, onChange }: TextBoxProps) {
  return (
    <label className="flex-1 basis-28">
      <span className="mb-0.5 block text-muted">{label}</span>
      <input className={boxLook} value={value} placeholder={placeholder} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}
