/** What the keyboard does here, read from the registry of shortcuts. */
import { useStore } from '../api/store.ts';
import { Dialog } from '../components/dialog.tsx';
import { Keys } from '../components/keys.tsx';
import { openPanel } from './panels.ts';
import { shortcuts } from './shortcuts.ts';

export function Help() {
  const isOpen = useStore(openPanel) === 'help';
  const known = useStore(shortcuts);
  const groups = Object.entries(Object.groupBy(known, ({ group }) => group)).reverse();
  return (
    <Dialog title="Keyboard shortcuts" isOpen={isOpen} onClose={() => openPanel.set(null)}>
      <div className="grid gap-5 sm:grid-cols-2">
        {groups.map(([group, members]) => (
          <section key={group}>
            <h3 className="mb-1 font-semibold">{group}</h3>
            <dl>
              {members!.map(({ keys, label }) => (
                <div key={keys} className="flex items-baseline justify-between gap-4 py-1">
                  <dt>{label}</dt>
                  <dd>
                    <Keys keys={keys} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
