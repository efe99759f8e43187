/** The models that answer here: tuned ones first, then the base models. */
import { Link } from '@tanstack/react-router';
import type { Model } from '#contract/openai/models.ts';
import { ago } from '../components/format.ts';

const kinds: Partial<Record<Model['x_kind'], string>> = {
  adapter: 'tuned',
  base: 'base',
  checkpoint: 'checkpoint',
  reward_model: 'reward model',
};
const most = 12;

export function ModelList({ models }: { models: readonly Model[] }) {
  const listed = models.filter(({ x_kind }) => x_kind !== 'checkpoint').sort((left, right) => right.created - left.created);
  return (
    <ul className="divide-y">
      {listed.slice(0, most).map(({ id, x_kind, x_base_model, x_run_id, created }) => (
        <li key={id} className="flex flex-wrap items-baseline gap-x-3 gap-y-1 py-1.5">
          <span className="min-w-0 break-all font-mono text-[13px]">{id}</span>
          <span className="text-[13px] text-muted">
            {kinds[x_kind] ?? x_kind}
            {x_base_model && ` of ${x_base_model}`}
            {created > 0 && `, ${ago(created)}`}
          </span>
          <span className="ml-auto flex gap-3">
            {x_run_id && (
              <Link to="/runs/$id" params={{ id: x_run_id }} className="text-accent underline">
                Its run
              </Link>
            )}
            <Link to="/playground" search={{ model: id } as never} className="text-accent underline">
              Chat
            </Link>
          </span>
        </li>
      ))}
    </ul>
  );
}
