/** The system prompt and how words are picked, for all lanes; a run that trains always takes the likeliest ones. */
import { boxLook } from '../new-run/field.tsx';
import { numberBoxes, type Sampling } from './sampling.ts';

export function SamplingPanel({ sampling, onChange }: { sampling: Sampling; onChange: (change: Partial<Sampling>) => void }) {
  return (
    <div className="grid gap-3 rounded-lg border bg-card p-3 lg:grid-cols-2">
      <label className="block">
        <span className="mb-0.5 block text-muted">System prompt</span>
        <textarea
          rows={4}
          className={boxLook}
          placeholder="None"
          value={sampling.system}
          onChange={(event) => onChange({ system: event.target.value })}
        />
      </label>
      <div className="grid content-start gap-3">
        <div className="grid grid-cols-2 gap-3 sm:grid-cols-4">
          {numberBoxes.map(({ name, label, placeholder, takes, accepts }) => {
            const text = sampling[name];
            const isWrong = text.trim() !== '' && !accepts(Number(text));
            return (
              <label key={name} className="block">
                <span className="mb-0.5 block text-muted">{label}</span>
                <input
                  inputMode="decimal"
                  className={boxLook}
                  placeholder={placeholder}
                  value={text}
                  aria-invalid={isWrong}
                  onChange={(event) => onChange({ [name]: event.target.value })}
                />
                {isWrong && <span className="text-bad">{takes}</span>}
              </label>
            );
          })}
        </div>
        <label className="block">
          <span className="mb-0.5 block text-muted">Texts that end an answer, one a line</span>
          <textarea
            rows={1}
            className={boxLook}
            placeholder="None"
            value={sampling.stop}
            onChange={(event) => onChange({ stop: event.target.value })}
          />
        </label>
        <label className="flex items-center gap-2">
          <input
            type="checkbox"
            checked={sampling.withProbabilities}
            onChange={(event) => onChange({ withProbabilities: event.target.checked })}
          />
          Ask for token probabilities
        </label>
      </div>
    </div>
  );
}
