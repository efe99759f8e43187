/** Every setting there is, made from the contract: searched, marked where it differs, with the reason of what the platform chose. */
import { useId, useMemo } from 'react';
import type { RunConfig } from '#contract/training-run.ts';
import { Button } from '../components/button.tsx';
import { useAddressState } from '../components/use-address-state.ts';
import { useUrlState } from '../components/use-url-state.ts';
import { settingsOf, type Draft } from './draft.ts';
import { boxLook, Problem, useProblem } from './field.tsx';
import { settingsFor, showValue, type Setting } from './settings.ts';
import type { ChangeDraft } from './use-draft.ts';

const searchSpelling = {
  names: ['find'],
  read: (address: Record<string, string | undefined>) => ({ search: address['find'] ?? '' }),
  write: ({ search }: { search: string }): Record<string, string> => (search === '' ? {} : { find: search }),
};

interface AdvancedProps {
  draft: Draft;
  change: ChangeDraft;
  /** What the plan of this draft was frozen to; null without one. */
  config: RunConfig | null;
}

export function AdvancedSettings({ draft, change, config }: AdvancedProps) {
  const [isOpen, setIsOpen] = useUrlState('advanced');
  const [{ search }, setSearch] = useAddressState(searchSpelling);
  const given = settingsOf(draft);
  const settings = useSettings(draft);
  const shown = useMemo(() => settings.filter((setting) => matches(setting, search)), [settings, search]);
  const groups = [...new Set(shown.map(({ group }) => group))];
  const set = (path: string, text: string): void => {
    const { [path]: _, ...others } = draft.settings;
    change({ settings: text === '' ? others : { ...others, [path]: text } });
  };
  const changed = Object.keys(given).length;
  return (
    <details
      className="mt-4 rounded-lg border bg-card"
      open={isOpen === 'yes'}
      onToggle={(event) => setIsOpen(event.currentTarget.open ? 'yes' : '')}
    >
      <summary className="px-3 py-2 font-semibold">
        Advanced <span className="font-normal text-muted">({settings.length} settings)</span>
        {changed > 0 && <span className="ml-2 rounded bg-accent-soft px-1.5 font-normal">{changed} changed from default</span>}
      </summary>
      <div className="border-t p-3">
        <div className="mb-3 flex flex-wrap gap-2">
          <input
            type="search"
            aria-label="Search the settings"
            placeholder="Search: rank, learning rate, memory…"
            className={`${boxLook} flex-1 basis-48`}
            value={search}
            onChange={(event) => setSearch({ search: event.target.value })}
          />
          <Button disabled={Object.keys(draft.settings).length === 0} onClick={() => change({ settings: {} })}>
            Reset all
          </Button>
        </div>
        {shown.length === 0 && <p className="py-4 text-center text-muted">No setting is called, or is about, “{search}”.</p>}
        {groups.map((group) => (
          <section key={group} className="mb-4 last:mb-0">
            <h3 className="mb-1 font-semibold text-muted">{group}</h3>
            <div className="grid gap-x-6 lg:grid-cols-2">
              {shown
                .filter((setting) => setting.group === group)
                .map((setting) => (
                  <SettingRow
                    key={setting.path}
                    setting={setting}
                    text={draft.settings[setting.path] ?? ''}
                    ofGoal={draft.settings[setting.path] === undefined ? given[setting.path] : undefined}
                    config={config}
                    onChange={(text) => set(setting.path, text)}
                  />
                ))}
            </div>
          </section>
        ))}
      </div>
    </details>
  );
}

function useSettings({ method, adapter }: Draft): Setting[] {
  return useMemo(() => settingsFor({ method, adapter }), [method, adapter]);
}

function matches({ path, label, description }: Setting, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${path} ${label} ${description}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

interface SettingRowProps {
  setting: Setting;
  /** As typed; empty is left to the platform. */
  text: string;
  /** What the goal sets; undefined when it sets nothing. */
  ofGoal: string | undefined;
  config: RunConfig | null;
  onChange: (text: string) => void;
}

function SettingRow({ setting, text, ofGoal, config, onChange }: SettingRowProps) {
  const id = useId();
  const problem = useProblem(`extensions.${setting.path}`);
  const isChanged = text !== '' || ofGoal !== undefined;
  const why = reasonOf(setting, config);
  return (
    <div className={`border-l-2 py-1.5 pl-2 ${isChanged ? 'border-accent' : 'border-transparent'}`}>
      <div className="flex items-center gap-2">
        <label htmlFor={id} className="min-w-0 flex-1 break-words">
          {setting.label}
        </label>
        {isChanged && <span className="sr-only">changed from default</span>}
        <SettingInput
          id={id}
          setting={setting}
          text={text}
          fallback={fallbackOf(setting, ofGoal, config)}
          isWrong={problem !== undefined}
          onChange={onChange}
        />
        <button
          type="button"
          aria-label={`Reset ${setting.label}`}
          className="w-5 text-muted enabled:hover:text-ink disabled:invisible"
          disabled={text === ''}
          onClick={() => onChange('')}
        >
          ↺
        </button>
      </div>
      <p className="mt-0.5 text-muted">
        {setting.description}
        {setting.range && ` ${setting.range[0]!.toUpperCase()}${setting.range.slice(1)}.`}
      </p>
      {why && text === '' && (
        <details>
          <summary className="text-accent">Why {shortly(why.value)}?</summary>
          <p className="rounded bg-inset px-2 py-1">{why.why}</p>
        </details>
      )}
      {problem && <Problem text={problem} id={`${id}-problem`} />}
    </div>
  );
}

function shortly(value: unknown): string {
  return Array.isArray(value) && value.length > 3 ? 'these' : showValue(value);
}

function reasonOf({ path }: Setting, config: RunConfig | null) {
  return config?.chosen.find(({ field }) => field === path || `adapter.${field}` === path) ?? null;
}

/** What holds when nothing is typed: the goal's, what the plan was frozen to, else what the contract says. */
function fallbackOf({ path, usual }: Setting, ofGoal: string | undefined, config: RunConfig | null): string {
  if (ofGoal !== undefined) return `${ofGoal} (goal)`;
  const [part, name] = path.split('.');
  const frozenPart = name === undefined ? config?.settings : config?.[part as 'adapter' | 'method'];
  const frozen = (frozenPart as Record<string, unknown> | undefined)?.[name ?? path];
  if (frozen !== undefined) return showValue(frozen);
  return usual === null ? 'auto' : `auto (${showValue(usual)})`;
}

interface SettingInputProps {
  id: string;
  setting: Setting;
  text: string;
  fallback: string;
  isWrong: boolean;
  onChange: (text: string) => void;
}

function SettingInput({ id, setting, text, fallback, isWrong, onChange }: SettingInputProps) {
  const look = `${boxLook} max-w-48 flex-1`;
  const choices = setting.kind === 'boolean' ? ['true', 'false'] : setting.choices;
  if (choices.length === 0) {
    return (
      <input
        id={id}
        className={look}
        value={text}
        placeholder={fallback}
        title={fallback}
        inputMode={setting.kind === 'integer' ? 'numeric' : setting.kind === 'number' ? 'decimal' : 'text'}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-problem` : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  }
  return (
    <select id={id} className={look} value={text} aria-invalid={isWrong} onChange={(event) => onChange(event.target.value)}>
      <option value="">{fallback}</option>
      {choices.map((choice) => (
        <option key={choice}>{choice}</option>
      ))}
    </select>
  );
}
