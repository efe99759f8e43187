import { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { TrainingSettings } from '#contract/training.ts';
import { describe, expect, it } from 'vitest';
import { draftFromSearch, draftToSearch, emptyDraft, problemsOf, requestOf, withAdapter, withMethod, type Draft } from './draft.ts';
import { goals } from './goals.ts';
import { adapters, methods, readSetting, settingAt, settingsFor, showValue } from './settings.ts';

const draft = (given: Partial<Draft> = {}): Draft => ({ ...emptyDraft, model: 'tiny', trainingFile: 'file-1', ...given });

describe('a draft', () => {
  it('asks for nothing but model and data when nothing else was said', () => {
    expect(requestOf(draft())).toEqual({ model: 'tiny', training_file: 'file-1' });
  });

  it('puts every setting where the request has it, in its own type', () => {
    const given = { n_epochs: '5', learning_rate: '1e-3', group_by_length: 'false', lr_scheduler_type: 'linear', max_steps: 'null' };
    const adapter = { 'adapter.r': '8', 'adapter.target_modules': 'q_proj, v_proj', 'adapter.layers_to_transform': '0 1' };
    expect(requestOf(draft({ settings: { ...given, ...adapter }, seed: '7', suffix: 'mine' }))).toEqual({
      model: 'tiny',
      training_file: 'file-1',
      suffix: 'mine',
      seed: 7,
      extensions: {
        n_epochs: 5,
        learning_rate: 0.001,
        group_by_length: false,
        lr_scheduler_type: 'linear',
        max_steps: null,
        adapter: { r: 8, target_modules: ['q_proj', 'v_proj'], layers_to_transform: [0, 1] },
      },
    });
  });

  it('carries probes, and says so when none shall be picked', () => {
    const probes = [
      { prompt: 'Why?', reference: '' },
      { prompt: '  ', reference: 'lost' },
      { prompt: 'How?', reference: 'So.' },
    ];
    expect(requestOf(draft({ probes, automaticProbes: false })).extensions).toEqual({
      probes: { prompts: [{ prompt: 'Why?' }, { prompt: 'How?', reference: 'So.' }], automatic: false },
    });
  });

  it.each(goals)('with the goal "$name" is a request that the contract takes, and a setting by hand wins', ({ name, settings: ofGoal }) => {
    expect(FineTuningJobRequest.safeParse(requestOf(draft({ goal: name }))).success).toBe(true);
    for (const path of Object.keys(ofGoal)) {
      const byHand = requestOf(draft({ goal: name, settings: { [path]: 'auto' } }));
      expect(byHand.extensions?.[path]).toBeUndefined();
    }
  });

  it('names what is missing or cannot be read, by the field', () => {
    expect(Object.keys(problemsOf(emptyDraft))).toEqual(['model', 'training_file']);
    const wrong = draft({ seed: '-1', settings: { n_epochs: '2.5', learning_rate: 'fast', 'adapter.r': '8', nonsense: '1' } });
    expect(Object.keys(problemsOf(wrong))).toEqual(['seed', 'extensions.n_epochs', 'extensions.learning_rate', 'extensions.nonsense']);
  });

  it('comes back from its address, also from one that was tampered with', () => {
    const full = draft({
      method: 'dpo',
      adapter: 'ia3',
      goal: 'facts',
      budgetMinutes: '10',
      seed: '1',
      settings: { n_epochs: '5', 'adapter.r': '8' },
      probes: [{ prompt: 'a&b=c', reference: '"' }],
      automaticProbes: false,
    });
    expect(draftFromSearch(draftToSearch(full))).toEqual(full);
    expect(draftFromSearch({ set: '{', probes: '7', goal: 'nobody' })).toEqual(emptyDraft);
  });
});

/** What no default shows the shape of. */
const given: Record<string, unknown> = {
  deepspeed: { zero_optimization: { stage: 2 } },
  'method.principles': [{ rule: 'An answer is short.', violation: { type: 'length', most_words: 10 } }],
};

describe('the settings', () => {
  const kinds = [
    ...methods.map((method) => ({ method, adapter: 'lora' })),
    ...adapters.map((adapter) => ({ method: 'supervised', adapter })),
  ];
  it.each(kinds)('of $method with $adapter are all those of the contract, and the request takes what each may be', (run) => {
    for (const name of Object.keys(TrainingSettings.shape)) expect(settingAt(run, name), name).toBeDefined();
    for (const { path, kind, choices, usual } of settingsFor(run)) {
      const usualText = kind === 'list' || kind === 'json' ? JSON.stringify(usual) : usual === null ? '8' : showValue(usual);
      const text = path in given ? JSON.stringify(given[path]) : (choices[0] ?? (kind === 'list' ? '1' : usualText));
      const request = FineTuningJobRequest.safeParse(requestOf(draft({ ...run, settings: { [path]: text } })));
      // A list may be one of names or of numbers.
      if (kind !== 'list') expect(request.error?.issues ?? [], path).toEqual([]);
    }
  });

  it('are "auto" when nothing is typed', () => {
    for (const setting of settingsFor({ method: 'dpo', adapter: 'lora' }))
      expect(readSetting(setting, ' '), setting.path).toEqual({ value: undefined });
  });

  it('of a method go with it when another one is chosen', () => {
    const dpo = draft({ method: 'dpo', settings: { 'method.beta': '0.2', n_epochs: '2' } });
    expect(requestOf(dpo).extensions).toEqual({ n_epochs: 2, method: { type: 'dpo', beta: 0.2 } });
    expect(requestOf({ ...dpo, ...withMethod(dpo, 'supervised') }).extensions).toEqual({ n_epochs: 2 });
  });

  it('of an adapter go with it when another kind is chosen', () => {
    const lora = draft({ settings: { 'adapter.r': '8', n_epochs: '2' } });
    const full = { ...lora, ...withAdapter(lora, 'full', {}) };
    expect(requestOf(full).extensions).toEqual({ n_epochs: 2, adapter: { type: 'full' } });
    expect(requestOf({ ...full, ...withAdapter(full, 'lora', { 'adapter.use_dora': 'true' }) }).extensions).toEqual({
      n_epochs: 2,
      adapter: { use_dora: true },
    });
  });
});
