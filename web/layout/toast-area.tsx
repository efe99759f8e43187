/** Where toasts appear; screen readers are told of each. */
import { useStore } from '../api/store.ts';
import { toasts, type Toast } from './toasts.ts';

const colours: Record<Toast['kind'], string> = {
  good: 'border-good',
  info: 'border-accent',
  bad: 'border-bad',
};

export function ToastArea() {
  const shown = useStore(toasts);
  return (
    <div role="status" aria-live="polite" className="fixed inset-x-3 bottom-3 z-40 flex flex-col items-end gap-2 sm:left-auto">
      {shown.map((toast) => (
        <div
          key={toast.id}
          className={`flex max-w-lg items-start gap-3 rounded border-l-4 bg-card px-4 py-2.5 shadow-lg ring-1 ring-line ${colours[toast.kind]}`}
        >
          <span className="min-w-0 break-words">{toast.text}</span>
          {toast.action && (
            <button type="button" className="font-semibold text-accent" onClick={toast.action.run}>
              {toast.action.label}
            </button>
          )}
          <button
            type="button"
            aria-label="Close this message"
            className="text-muted"
            onClick={() => toasts.set(toasts.get().filter(({ id }) => id !== toast.id))}
          >
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
