/** ⌘K: opens any page, run or dataset by a few letters of its name. */
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type KeyboardEvent } from 'react';
import { runsQuery } from '../api/queries.ts';
import { useStore } from '../api/store.ts';
import { datasetsQuery } from '../data/queries.ts';
import { Dialog } from '../components/dialog.tsx';
import { nameOfRun } from '../runs/name-of-run.ts';
import { pages } from '../pages/index.ts';
import { openPanel } from './panels.ts';
import { shortcuts } from './shortcuts.ts';

interface Command {
  label: string;
  note: string;
  run: () => void;
}

const most = 12;

export function CommandMenu() {
  const isOpen = useStore(openPanel) === 'commands';
  return (
    <Dialog title="Open anything" isOpen={isOpen} onClose={() => openPanel.set(null)}>
      {isOpen && <CommandList />}
    </Dialog>
  );
}

function CommandList() {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const found = useCommands().filter(({ label, note }) => matches(`${label} ${note}`, text));
  const shown = found.slice(0, most);
  const take = (command: Command | undefined): void => {
    openPanel.set(null);
    command?.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) setChosen((chosen + move + shown.length) % Math.max(1, shown.length));
    else if (event.key === 'Enter') take(shown[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <div className="flex flex-col gap-2">
      <input
        data-first
        role="combobox"
        aria-label="Name of a page, run, data set or command"
        aria-expanded
        aria-controls="commands"
        aria-activedescendant={shown[chosen] ? `command-${chosen}` : undefined}
        placeholder="Page, run, data set or command…"
        className="rounded border px-3 py-2"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="commands" role="listbox" aria-label="Found">
        {shown.map((command, index) => (
          // The keyboard's way is the field above, which points here with aria-activedescendant.
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
          <li
            key={`${command.label} ${command.note}`}
            id={`command-${index}`}
            role="option"
            aria-selected={index === chosen}
            className="flex cursor-pointer justify-between gap-4 rounded px-3 py-1.5 hover:bg-inset aria-selected:bg-accent-soft"
            onClick={() => take(command)}
          >
            <span className="truncate">{command.label}</span>
            <span className="whitespace-nowrap text-muted">{command.note}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="px-3 text-muted">Nothing here is called so.</p>}
    </div>
  );
}

function useCommands(): Command[] {
  const navigate = useNavigate();
  const runs = useQuery(runsQuery());
  const datasets = useQuery(datasetsQuery());
  const known = useStore(shortcuts);
  return [
    ...pages
      .filter(({ path }) => !path.includes('$'))
      .map(({ path, title }) => ({ label: title, note: 'page', run: () => void navigate({ to: path }) })),
    ...(runs.data?.data ?? []).map((run) => ({
      label: nameOfRun(run),
      note: `run, ${run.status}`,
      run: () => void navigate({ to: '/runs/$id', params: { id: run.id } }),
    })),
    ...(datasets.data?.data ?? []).map(({ name }) => ({
      label: name,
      note: 'data',
      run: () => void navigate({ to: '/data/$dataset', params: { dataset: name } }),
    })),
    ...known.filter(({ group }) => group !== 'Everywhere').map(({ label, run }) => ({ label, note: 'command', run })),
  ];
}

/** Every word that was typed is somewhere in it. */
function matches(label: string, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/);
  return words.every((word) => label.toLowerCase().includes(word));
}
