/** A look at the first rows of a file, as text: whatever stands in it stays text. */
import { Fragment, type ReactNode } from 'react';
import type { Preview, PreviewRow } from './rows.ts';

const mostCharacters = 400;

export function RowPreview({ preview, name }: { preview: Preview; name: string }) {
  if (preview.rows.length === 0) return <p className="mt-2 rounded bg-warn-soft px-2 py-1 text-warn">{name} holds no rows.</p>;
  return (
    <figure className="mt-2">
      <figcaption className="mb-1 text-muted">
        {preview.hasMore ? `The first ${preview.rows.length} rows of` : `All ${preview.rows.length} rows of`} {name}
      </figcaption>
      <RowList label={`Rows of ${name}`} rows={preview.rows} />
    </figure>
  );
}

interface RowListProps {
  label: string;
  rows: readonly PreviewRow[];
  /** Where more is to be seen of a row. */
  linkOf?: (line: number) => ReactNode;
}

/** Rows with their numbers; a row may come twice. */
export function RowList({ label, rows, linkOf }: RowListProps) {
  return (
    <ol tabIndex={0} aria-label={label} className="max-h-56 divide-y overflow-auto rounded border bg-inset">
      {rows.map(({ line, messages, problem }, index) => (
        // The list is shown whole or not at all: the place of a row does not change.
        <li key={index} className="grid grid-cols-[minmax(2rem,auto)_1fr] gap-2 px-2 py-1.5">
          <span className="font-mono text-muted">
            {line}
            {linkOf && <span className="block font-sans">{linkOf(line)}</span>}
          </span>
          {problem === null ? <Messages messages={messages} /> : <span className="text-bad">{problem}</span>}
        </li>
      ))}
    </ol>
  );
}

function Messages({ messages }: { messages: { role: string; text: string }[] }) {
  return (
    <dl className="grid min-w-0 grid-cols-[minmax(3rem,5rem)_1fr] gap-x-2">
      {messages.map(({ role, text }, index) => (
        // The order is all that tells two messages apart, and it does not change.
        <Fragment key={index}>
          <dt className={`truncate ${role === 'assistant' ? 'text-accent' : 'text-muted'}`}>{role}</dt>
          <dd className="whitespace-pre-wrap break-words">{text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
