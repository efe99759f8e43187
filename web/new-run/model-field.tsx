/** Which model to start from: those that are here, then those that can be pulled. */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { FailureView } from '../components/failure-view.tsx';
import { baseModelsQuery, sizeOf, type BaseModel } from './base-models.ts';
import type { Draft } from './draft.ts';
import { boxLook, Field, useProblem } from './field.tsx';
import type { ChangeDraft } from './use-draft.ts';

/** What the field starts with when it is here: the demo's. */
const usualModel = 'smollm2-135m-instruct';

export function ModelField({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  const models = useQuery(baseModelsQuery());
  const isWrong = useProblem('model') !== undefined;
  const known = models.data ?? [];
  const here = known.filter(({ state }) => state !== 'absent');
  const absent = known.filter(({ state }) => state === 'absent');
  const chosen = known.find(({ id }) => id === draft.model);
  const usual = (here.find(({ id }) => id === usualModel) ?? here[0])?.id;
  useEffect(() => {
    if (draft.model === '' && usual !== undefined) change({ model: usual });
  }, [draft.model, usual, change]);
  return (
    <Field number={1} title="Model" paths={['model']}>
      {models.isError && <FailureView error={models.error} onRetry={() => void models.refetch()} />}
      <select
        aria-label="Base model"
        aria-invalid={isWrong}
        className={boxLook}
        value={draft.model}
        onChange={(event) => change({ model: event.target.value })}
      >
        <option value="">{models.isPending ? 'Asking which models there are…' : 'Choose a model'}</option>
        <Options label="On this machine" models={here} />
        <Options label="Known, not pulled yet" models={absent} />
        {draft.model !== '' && models.isSuccess && !chosen && <option value={draft.model}>{draft.model} (not known here)</option>}
      </select>
      {chosen && <Facts model={chosen} />}
    </Field>
  );
}

function Options({ label, models }: { label: string; models: BaseModel[] }) {
  if (models.length === 0) return null;
  return (
    <optgroup label={label}>
      {models.map(({ id, parameters }) => (
        <option key={id} value={id}>
          {id} · {sizeOf(parameters)}
        </option>
      ))}
    </optgroup>
  );
}

function Facts({ model }: { model: BaseModel }) {
  const { parameters, memory_gb: memory, context_length: context, license, state, id } = model;
  return (
    <>
      <p className="mt-1.5 text-muted">
        {sizeOf(parameters)} parameters · reads {context.toLocaleString('en-US')} tokens · LoRA needs about {memory.lora} GB · licence{' '}
        {license}
      </p>
      {state === 'absent' && (
        <p className="mt-1.5 rounded bg-warn-soft px-2 py-1 text-warn">
          It is not on this machine yet. Fetch it with <code>tuneloop model pull {id}</code>
        </p>
      )}
      {state === 'unsupported' && (
        <p className="mt-1.5 rounded bg-warn-soft px-2 py-1 text-warn">It can be trained here, but the engine cannot serve the result.</p>
      )}
    </>
  );
}
