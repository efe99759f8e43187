/** A numbered field of the form: its name, what fills it in, and what is wrong with it. */
import { createContext, useContext, useId, type ReactNode } from 'react';

/** What is wrong, by the field as the platform's errors name it. */
export const Problems = createContext<Readonly<Record<string, string>>>({});

/** Of this field, or of anything inside it. */
export function useProblem(path: string): string | undefined {
  const problems = useContext(Problems);
  return problems[path] ?? Object.entries(problems).find(([name]) => name.startsWith(`${path}.`) || name.startsWith(`${path}[`))?.[1];
}

interface FieldProps {
  number: number;
  title: string;
  /** Names of the request's fields that are filled in here. */
  paths: string[];
  actions?: ReactNode;
  children: ReactNode;
}

export function Field({ number, title, paths, actions, children }: FieldProps) {
  const id = useId();
  const problems = useContext(Problems);
  const own = paths.flatMap((path) => (problems[path] === undefined ? [] : [problems[path]]));
  return (
    <section aria-labelledby={id} className="grid gap-x-4 gap-y-2 border-b py-4 last:border-b-0 sm:grid-cols-[8.5rem_1fr]">
      <div className="flex items-start justify-between gap-2 sm:block">
        <h2 id={id} className="font-semibold">
          <span aria-hidden className="mr-2 inline-block w-4 font-mono text-muted">
            {number}
          </span>
          {title}
        </h2>
        {actions && <div className="sm:mt-2 sm:pl-6">{actions}</div>}
      </div>
      <div className="min-w-0">
        {children}
        {own.map((problem) => (
          <Problem key={problem} text={problem} />
        ))}
      </div>
    </section>
  );
}

export function Problem({ text, id }: { text: string; id?: string }) {
  return (
    <p id={id} role="alert" className="mt-1.5 whitespace-pre-line break-words rounded bg-bad-soft px-2 py-1 text-bad">
      {text}
    </p>
  );
}

/** The look of every box one types or chooses in. */
export const boxLook = 'w-full min-w-0 rounded border px-2 py-1.5 aria-[invalid=true]:border-bad';
