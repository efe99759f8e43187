/** Which questions the run answers again and again while it learns: those chosen here, and those the platform picks. */
import contract from '#contract/schema.json' with { type: 'json' };
import { Button } from '../components/button.tsx';
import type { Draft, ProbeDraft } from './draft.ts';
import { boxLook, Field } from './field.tsx';
import type { ChangeDraft } from './use-draft.ts';

const mostProbes: number = contract.$defs.ProbesRequest.properties.prompts.maxItems;

export function ProbesField({ draft, change }: { draft: Draft; change: ChangeDraft }) {
  const { probes, automaticProbes } = draft;
  const set = (index: number, probe: Partial<ProbeDraft>): void =>
    change({ probes: probes.map((old, at) => (at === index ? { ...old, ...probe } : old)) });
  return (
    <Field number={5} title="Probes" paths={['extensions.probes']}>
      <p className="text-muted">Questions that the model answers again and again while it trains: one watches the answers change.</p>
      <label className="mt-2 flex items-center gap-2">
        <input type="checkbox" checked={automaticProbes} onChange={(event) => change({ automaticProbes: event.target.checked })} />
        Pick some from the data, one off its subject and one to refuse
      </label>
      <ol className="mt-2 grid gap-2">
        {probes.map((probe, index) => (
          // Only their order tells them apart; each box keeps its own text by it.
          <li key={index} className="flex flex-wrap gap-2 sm:flex-nowrap">
            <input
              aria-label={`Probe ${index + 1}`}
              placeholder="What should it be asked?"
              className={boxLook}
              value={probe.prompt}
              onChange={(event) => set(index, { prompt: event.target.value })}
            />
            <input
              aria-label={`Reference answer of probe ${index + 1}`}
              placeholder="A good answer (its loss is drawn)"
              className={boxLook}
              value={probe.reference}
              onChange={(event) => set(index, { reference: event.target.value })}
            />
            <Button
              kind="quiet"
              aria-label={`Remove probe ${index + 1}`}
              onClick={() => change({ probes: probes.filter((_, at) => at !== index) })}
            >
              ✕
            </Button>
          </li>
        ))}
      </ol>
      <Button
        className="mt-2"
        disabled={probes.length >= mostProbes}
        onClick={() => change({ probes: [...probes, { prompt: '', reference: '' }] })}
      >
        Add a probe
      </Button>
    </Field>
  );
}
