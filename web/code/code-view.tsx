/** The same thing in several languages: tabs, the code, and a button that copies it. */
import { useId, useState } from 'react';
import { Button } from '../components/button.tsx';
import { toast } from '../layout/toasts.ts';
import type { Snippet } from './languages.ts';

export function CodeView({ snippets, chosen, onChoose }: { snippets: Snippet[]; chosen: string; onChoose: (label: string) => void }) {
  const id = useId();
  const shown = snippets.find(({ label }) => label === chosen) ?? snippets[0]!;
  return (
    <div className="min-w-0">
      <Tabs id={id} labels={snippets.map(({ label }) => label)} chosen={shown.label} onChoose={onChoose} />
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${shown.label}`} className="mt-1">
        <div className="mb-1 flex items-start justify-between gap-2">
          <p className="py-1.5 text-muted">{shown.hint}</p>
          <CopyButton text={shown.code} what={shown.label} />
        </div>
        <pre
          tabIndex={0}
          aria-label={`${shown.label} code`}
          data-code={shown.label}
          className="max-h-96 overflow-auto rounded border bg-inset p-3 font-mono text-[0.92em] leading-relaxed"
        >
          {shown.code}
        </pre>
      </div>
    </div>
  );
}

interface TabsProps {
  id: string;
  labels: string[];
  chosen: string;
  onChoose: (label: string) => void;
}

/** As the keyboard expects of tabs: one stop for Tab, arrows between them. */
export function Tabs({ id, labels, chosen, onChoose }: TabsProps) {
  const move = (event: React.KeyboardEvent, step: number): void => {
    event.preventDefault();
    const next = labels[(labels.indexOf(chosen) + step + labels.length) % labels.length]!;
    onChoose(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <div role="tablist" className="flex flex-wrap gap-1">
      {labels.map((label) => (
        <button
          key={label}
          type="button"
          role="tab"
          id={`${id}-${label}`}
          aria-selected={label === chosen}
          aria-controls={`${id}-panel`}
          tabIndex={label === chosen ? 0 : -1}
          onClick={() => onChoose(label)}
          onKeyDown={(event) => {
            if (event.key === 'ArrowRight') move(event, 1);
            if (event.key === 'ArrowLeft') move(event, -1);
          }}
          className={`rounded px-2.5 py-1 ${label === chosen ? 'bg-accent-soft font-medium' : 'text-muted hover:bg-inset hover:text-ink'}`}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState<string | null>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(text);
      setTimeout(() => setCopied(null), 2000);
    } catch {
      // Browsers give the clipboard to https and localhost only.
      toast({ kind: 'bad', text: 'The browser does not let this page use the clipboard: mark the code and copy it by hand.' });
    }
  };
  return (
    <Button kind="quiet" onClick={() => void copy()} aria-label={`Copy as ${what}`}>
      {copied === text ? 'Copied ✓' : `Copy`}
    </Button>
  );
}
