/** The bar at the top: the pages, the command menu, help, theme, and the way out. */
import { Link, useNavigate } from '@tanstack/react-router';
import type { Session } from '#contract/session.ts';
import { signOut } from '../api/session.ts';
import { useStore } from '../api/store.ts';
import { Button } from '../components/button.tsx';
import { pages } from '../pages/index.ts';
import { openPanel } from './panels.ts';
import { useShortcuts } from './shortcuts.ts';
import { nextTheme, theme } from './theme.ts';
import { toastFailure } from './toasts.ts';

const listed = pages.filter((page) => page.key !== undefined);
const themeSigns = { system: '◐', light: '☀', dark: '☾' } as const;

export function NavigationBar({ session }: { session: Session }) {
  const navigate = useNavigate();
  const shown = useStore(theme);
  useShortcuts([
    ...listed.map(({ path, title, key }) => ({
      keys: `g ${key}`,
      label: `Go to ${title}`,
      group: 'Everywhere',
      run: () => void navigate({ to: path }),
    })),
    { keys: 'mod+k', label: 'Open anything', group: 'Everywhere', run: () => openPanel.set('commands') },
    { keys: '?', label: 'Show these shortcuts', group: 'Everywhere', run: () => openPanel.set('help') },
    { keys: 't', label: 'Change the theme', group: 'Everywhere', run: nextTheme },
  ]);
  return (
    <header className="sticky top-0 z-20 border-b bg-card">
      <div className="mx-auto flex max-w-[1600px] flex-wrap items-center gap-x-4 px-3 sm:h-12 sm:flex-nowrap sm:px-5">
        <Link to="/" className="flex items-center gap-2 py-2 font-semibold">
          <img src="/icon.svg" alt="" className="size-5" />
          Tuneloop
        </Link>
        <nav aria-label="Pages" className="order-3 -mx-1 flex w-full overflow-x-auto sm:order-none sm:w-auto sm:flex-1">
          {listed.map(({ path, title }) => (
            <Link
              key={path}
              to={path}
              activeOptions={{ exact: path === '/', includeSearch: false }}
              className="whitespace-nowrap border-b-2 border-transparent px-2.5 py-2 text-muted hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink sm:py-3"
            >
              {title}
            </Link>
          ))}
        </nav>
        <div className="ml-auto flex items-center gap-1">
          <Button kind="quiet" onClick={() => openPanel.set('commands')} aria-label="⌘K, open anything">
            <kbd>⌘K</kbd>
          </Button>
          <Button kind="quiet" onClick={() => openPanel.set('help')} aria-label="?, keyboard shortcuts">
            ?
          </Button>
          <Button kind="quiet" onClick={nextTheme} aria-label={`${themeSigns[shown]} Theme: ${shown}. Change it`} title={`Theme: ${shown}`}>
            {themeSigns[shown]}
          </Button>
          <Button kind="quiet" onClick={() => void signOut().catch(toastFailure)} title={`Signed in as ${session.role}`}>
            Sign out
          </Button>
        </div>
      </div>
    </header>
  );
}
