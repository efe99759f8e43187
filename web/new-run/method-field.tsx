/** How to train and to what end: the method the platform has, and a goal that sets what serves it. */
import { goals } from './goals.ts';
import { withMethod, type Draft } from './draft.ts';
import { boxLook, Field } from './field.tsx';
import { methods } from './settings.ts';
import type { ChangeDraft } from './use-draft.ts';

/** In words for people: what each learns, and from which rows. What is not here is shown as the contract names it. */
const words: Record<string, [string, string]> = {
  supervised: ['Supervised', 'learns to say what the assistant says; from chats or plain text'],
  dpo: ['DPO', 'makes the preferred of two answers likelier; from pairs'],
  orpo: ['ORPO', 'learns the preferred answer and to prefer it, in one; from pairs'],
  simpo: ['SimPO', 'like DPO, without a second model to compare with; from pairs'],
  kto: ['KTO', 'learns from single answers that are marked as good or bad'],
  reward: ['Reward model', 'learns to score answers, for training by PPO; it cannot be asked itself; from pairs'],
  ppo: ['PPO', 'answers questions itself and learns from how a reward model scores that; from questions'],
  constitutional: ['Constitutional AI', 'criticises and rewrites its own answers by principles, and learns from that; from questions'],
  grpo: ['GRPO', 'makes several answers to a question and learns from how they are graded'],
};

export function MethodField({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  return (
    <Field number={3} title="Method" paths={['method', 'extensions.method', 'extensions.adapter']}>
      <label className="block">
        <span className="sr-only">What is learnt</span>
        <select className={boxLook} value={draft.method} onChange={(event) => change(withMethod(draft, event.target.value))}>
          {methods.map((method) => (
            <option key={method} value={method}>
              {words[method] ? `${words[method][0]}: ${words[method][1]}` : method}
            </option>
          ))}
        </select>
      </label>
      <p className="mt-1.5 text-muted">
        A small LoRA adapter is trained; the model beneath stays as it is. Other kinds: <code>tuneloop train --adapter</code>.
      </p>
      <fieldset className="mt-3 grid gap-2 lg:grid-cols-2">
        <legend className="sr-only">Goal</legend>
        {goals.map(({ name, label, explanation }) => (
          <div
            key={name}
            className={`relative flex gap-2 rounded border p-2 ${draft.goal === name ? 'border-accent bg-accent-soft' : 'hover:bg-inset'}`}
          >
            <input
              type="radio"
              name="goal"
              id={`goal-${name}`}
              aria-describedby={`goal-${name}-means`}
              className="relative z-10 mt-1 self-start"
              checked={draft.goal === name}
              onChange={() => change({ goal: name })}
            />
            <div>
              {/* The whole card is the label's to click. */}
              <label htmlFor={`goal-${name}`} className="cursor-pointer font-medium after:absolute after:inset-0">
                {label}
              </label>
              <p id={`goal-${name}-means`} className="text-muted">
                {explanation}
              </p>
            </div>
          </div>
        ))}
      </fieldset>
    </Field>
  );
}
