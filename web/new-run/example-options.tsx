/** Data that ships with the platform, offered beside one's own files: the first run needs nothing from outside. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ExampleFiles } from '#contract/example.ts';
import { call } from '../api/call.ts';
import { trainingFilesQuery } from '../api/queries.ts';
import { examplesQuery } from '../data/queries.ts';
import { toastFailure } from '../layout/toasts.ts';
import type { ChangeDraft } from './use-draft.ts';

/** What a chosen example's value begins with; ids of files begin otherwise. */
export const examplePrefix = 'example:';

export function ExampleOptions() {
  const examples = useQuery(examplesQuery());
  if (!examples.data || examples.data.data.length === 0) return null;
  return (
    <optgroup label="Ships with Tuneloop">
      {examples.data.data.map(({ name, rows }) => (
        <option key={name} value={examplePrefix + name}>
          {name} · {rows} rows
        </option>
      ))}
    </optgroup>
  );
}

/** Makes files of the set that is named, and trains on them. */
export function useExample(change: ChangeDraft): (name: string) => void {
  const queryClient = useQueryClient();
  return (name) => {
    const take = async (): Promise<void> => {
      const files = await call<ExampleFiles>(`/api/v1/examples/${encodeURIComponent(name)}/files`, { method: 'POST' });
      await queryClient.invalidateQueries({ queryKey: trainingFilesQuery().queryKey });
      change({ trainingFile: files.training_file.id, validationFile: files.validation_file?.id ?? '' });
    };
    take().catch(toastFailure);
  };
}
