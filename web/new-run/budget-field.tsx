/** What the run may take: time, money, and how often the loss on held-out rows may get no lower; held against the plan. */
import type { TrainingPlan } from '#contract/plan.ts';
import { stepsWithin } from '#contract/steps-within.ts';
import { Button } from '../components/button.tsx';
import { dollars, duration } from '../components/format.ts';
import type { Draft } from './draft.ts';
import { boxLook, Field } from './field.tsx';
import type { ChangeDraft } from './use-draft.ts';

interface BudgetFieldProps {
  draft: Draft;
  change: ChangeDraft;
  /** Of this very draft, whatever its budget; null while there is none. */
  plan: TrainingPlan | null;
}

export function BudgetField({ draft, change, plan }: BudgetFieldProps) {
  const hasBudget = draft.budgetMinutes.trim() !== '' || draft.budgetDollars.trim() !== '';
  return (
    <Field number={4} title="Budget" paths={['extensions.max_seconds', 'extensions.max_cost', 'suffix', 'seed']}>
      <div className="grid grid-cols-2 gap-3">
        <TextBox
          label="Time, minutes"
          value={draft.budgetMinutes}
          placeholder="no limit"
          onChange={(budgetMinutes) => change({ budgetMinutes })}
        />
        <TextBox
          label="Money, dollars"
          value={draft.budgetDollars}
          placeholder="no limit"
          onChange={(budgetDollars) => change({ budgetDollars })}
        />
      </div>
      {hasBudget && (plan ? <Verdict plan={plan} change={change} draft={draft} /> : <p className="mt-1.5 text-muted">{unmeasured}</p>)}
      <StopWhenWorse draft={draft} change={change} />
      <div className="mt-3 grid grid-cols-2 gap-3">
        <TextBox label="Name of the model" value={draft.suffix} placeholder="default" onChange={(suffix) => change({ suffix })} />
        <TextBox label="Seed" value={draft.seed} placeholder="drawn" onChange={(seed) => change({ seed })} />
      </div>
    </Field>
  );
}

const unmeasured = 'The run stops there and keeps what it learnt. Measure the plan to see how far it comes.';
const usualPatience = '3';

function StopWhenWorse({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  const { early_stopping_patience: patience, load_best_model_at_end: keepsBest, ...others } = draft.settings;
  const isOn = patience !== undefined && patience !== 'null';
  const set = (text: string | null): void =>
    change({
      settings: text === null ? others : { ...others, early_stopping_patience: text, load_best_model_at_end: keepsBest ?? 'true' },
    });
  const isBlind = draft.validationFile === '';
  return (
    <div className="mt-3 flex flex-wrap items-center gap-x-2 gap-y-1">
      <label className={`flex items-center gap-2 ${isBlind && !isOn ? 'text-muted' : ''}`}>
        <input
          type="checkbox"
          checked={isOn}
          disabled={isBlind && !isOn}
          onChange={(event) => set(event.target.checked ? usualPatience : null)}
        />
        Stop when the validation loss gets no lower
      </label>
      {isOn ? (
        <label className="flex items-center gap-2">
          <input
            aria-label="Evaluations without a lower loss"
            inputMode="numeric"
            className={`${boxLook} w-14`}
            value={patience}
            onChange={(event) => set(event.target.value)}
          />
          times, and keep the best. With few facts this loss may rise while the answers still get better.
        </label>
      ) : (
        isBlind && <span className="text-muted">(takes held-out rows, under Data)</span>
      )}
    </div>
  );
}

/** Seconds that the tighter budget lasts, and that budget in words; null where there is none, or no price to reckon with. */
function limitOf(draft: Draft, plan: TrainingPlan): { seconds: number; words: string } | null {
  const minutes = Number(draft.budgetMinutes) * 60;
  const money = Number(draft.budgetDollars);
  const perSecond = plan.cost && plan.time_seconds ? plan.cost.p50 / plan.time_seconds.p50 : 0;
  const limits = [
    ...(minutes > 0 ? [{ seconds: minutes, words: duration(minutes) }] : []),
    ...(money > 0 && perSecond > 0 ? [{ seconds: money / perSecond, words: dollars(money) }] : []),
  ];
  return limits.toSorted((left, right) => left.seconds - right.seconds)[0] ?? null;
}

function Verdict({ plan, draft, change }: { plan: TrainingPlan; draft: Draft; change: ChangeDraft }) {
  const limit = limitOf(draft, plan);
  if (!plan.time_seconds || !limit) return null;
  const { p50, p90 } = plan.time_seconds;
  if (p90 <= limit.seconds)
    return (
      <p className="mt-1.5 text-good">
        It keeps within {limit.words}: nine in ten such runs end by {duration(p90)}.
      </p>
    );
  const steps = stepsWithin(limit.seconds, plan);
  return (
    <div className="mt-1.5 rounded bg-warn-soft px-2 py-1.5 text-warn">
      <p>
        {p50 <= limit.seconds ? 'It may take more' : 'It takes more'} than {limit.words}: {duration(p50)}, one in ten more than{' '}
        {duration(p90)}.
        {steps === null
          ? ' Not even one step is sure to fit.'
          : ` ${steps} of ${plan.total_steps} steps fit; there it stops and keeps what it learnt.`}
      </p>
      {steps !== null && (
        <Button
          className="mt-1.5"
          title="The learning rate then falls to its end within these steps"
          onClick={() => change({ settings: { ...draft.settings, max_steps: String(steps) } })}
        >
          Plan for {steps} steps
        </Button>
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
    <label className="min-w-0">
      <span className="mb-0.5 block text-muted">{label}</span>
      <input className={boxLook} value={value} placeholder={placeholder} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}
