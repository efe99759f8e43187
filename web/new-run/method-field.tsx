/** How to train and to what end: the method the platform has, and a goal that sets what serves it. */
import { goals } from './goals.ts';
import { withAdapter, withMethod, type Draft } from './draft.ts';
import { boxLook, Field } from './field.tsx';
import { adapters, methods } from './settings.ts';
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

interface AdapterVariant {
  name: string;
  words: string;
  /** The kind of the contract that it is one of, and what makes it one. */
  adapter: string;
  settings: Record<string, string>;
}

/** What people call by a name of its own though it is a setting of its kind. */
const variants: AdapterVariant[] = [
  {
    name: 'dora',
    words: 'DoRA: LoRA that also learns the length of each column',
    adapter: 'lora',
    settings: { 'adapter.use_dora': 'true' },
  },
  {
    name: 'qlora',
    words: 'QLoRA: LoRA over weights in four bits; less memory, slower steps',
    adapter: 'lora',
    settings: { 'adapter.quantization': 'nf4' },
  },
];
const adapterWords: Record<string, string> = {
  lora: 'LoRA: a small update beside the frozen model; the usual one',
  full: 'Full: every weight of the model; 16 bytes of memory a parameter',
  ia3: '(IA)³: some vectors that scale what layers say; the smallest',
  prompt_tuning: 'Prompt tuning: learnt tokens before every text',
  prefix_tuning: 'Prefix tuning: learnt keys and values before every text, in every layer',
  adaption_prompt: 'Adaption prompt: learnt tokens for the upper layers, through gates (LLaMA-Adapter)',
};
const choices: AdapterVariant[] = adapters.flatMap((adapter) => [
  { name: adapter, words: adapterWords[adapter] ?? adapter, adapter, settings: {} },
  ...variants.filter((variant) => variant.adapter === adapter),
]);

function AdapterSelect({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  const isOf = ({ adapter, settings }: AdapterVariant): boolean =>
    adapter === draft.adapter && Object.entries(settings).every(([path, text]) => draft.settings[path] === text);
  // The last one that fits: variants come after their kind.
  const chosen = choices.findLast(isOf)!;
  return (
    <label className="mt-2 block">
      <span className="sr-only">What is trained</span>
      <select
        className={boxLook}
        value={chosen.name}
        onChange={(event) => {
          const { adapter, settings } = choices.find(({ name }) => name === event.target.value)!;
          change(withAdapter(draft, adapter, settings));
        }}
      >
        {choices.map(({ name, words: label }) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

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
      <AdapterSelect draft={draft} change={change} />
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
