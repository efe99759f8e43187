/** A dialog over the page, on the browser's own element: it holds the focus, and Escape closes it. */
import { useEffect, useRef, type ReactNode } from 'react';

interface DialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, isOpen, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen && !element.current?.open) {
      element.current?.showModal();
      // The browser would choose the first button, which closes it.
      element.current?.querySelector<HTMLElement>('[data-first]')?.focus();
    }
    if (!isOpen) element.current?.close();
  }, [isOpen]);
  return (
    // A click beside it closes it; the keyboard has Escape.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions
    <dialog
      ref={element}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
      className="w-[min(40rem,calc(100vw-1.5rem))] rounded-lg border bg-card shadow-xl"
    >
      <div className="p-4">
        <header className="mb-3 flex items-center justify-between">
          <h2 className="text-lg font-semibold">{title}</h2>
          <button type="button" onClick={onClose} aria-label="Close" className="rounded px-2 text-muted hover:bg-inset">
            ✕
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
