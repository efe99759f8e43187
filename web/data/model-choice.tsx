/** Whose template and losses: a base model that is here, or anything that was tuned from one. */
import { useQuery } from '@tanstack/react-query';
import { modelsQuery } from '../api/queries.ts';
import { baseModelsQuery } from '../new-run/base-models.ts';
import { boxLook } from '../new-run/field.tsx';

interface ModelChoiceProps {
  /** Empty is the platform's usual one. */
  model: string;
  /** Id of the one that counted, for the empty choice. */
  usual: string | undefined;
  onChange: (model: string) => void;
}

export function ModelChoice({ model, usual, onChange }: ModelChoiceProps) {
  const groups = useModelGroups();
  const isKnown = model === '' || groups.some(({ ids }) => ids.includes(model));
  return (
    <label className="flex min-w-0 flex-1 basis-60 items-center gap-2">
      <span className="text-muted">Model</span>
      <select className={boxLook} value={model} onChange={(event) => onChange(event.target.value)}>
        <option value="">{usual === undefined || model !== '' ? 'the usual one' : usual}</option>
        {!isKnown && <option value={model}>{model}</option>}
        {groups.map(({ label, ids }) => (
          <optgroup key={label} label={label}>
            {ids.map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

function useModelGroups(): { label: string; ids: string[] }[] {
  const base = useQuery(baseModelsQuery());
  const all = useQuery(modelsQuery()).data?.data ?? [];
  const tuned = (kind: string): string[] => all.filter(({ x_kind }) => x_kind === kind).map(({ id }) => id);
  const aliases = all.filter(({ x_alias_of: version }) => version?.startsWith('ft:')).map(({ id }) => id);
  return [
    { label: 'Base models', ids: (base.data ?? []).filter(({ state }) => state !== 'absent').map(({ id }) => id) },
    { label: 'Tuned', ids: tuned('adapter') },
    { label: 'Names of versions', ids: aliases },
    { label: 'Checkpoints', ids: tuned('checkpoint') },
  ].filter(({ ids }) => ids.length > 0);
}

/** Whether the model is one whose loss is told beside that of its base. */
export function useIsTuned(model: string): boolean {
  const base = useQuery(baseModelsQuery());
  return model !== '' && base.data !== undefined && !base.data.some(({ id }) => id === model);
}
