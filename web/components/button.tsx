/** A button; its key is printed on it where it has one. */
import type { ButtonHTMLAttributes } from 'react';
import { Keys } from './keys.tsx';

const looks = {
  primary: 'border-accent bg-accent font-medium text-on-accent hover:opacity-90',
  plain: 'bg-card hover:bg-inset',
  danger: 'border-bad bg-card text-bad hover:bg-bad-soft',
  quiet: 'border-transparent text-muted hover:bg-inset hover:text-ink',
} as const;

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: keyof typeof looks;
  /** The shortcut that does the same. */
  keys?: string;
}

export function Button({ kind = 'plain', keys, children, className = '', type = 'button', ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={`inline-flex items-center justify-center gap-1.5 whitespace-nowrap rounded border px-3 py-1.5 disabled:cursor-not-allowed disabled:opacity-50 ${looks[kind]} ${className}`}
      {...rest}
    >
      {children}
      {keys && <Keys keys={keys} />}
    </button>
  );
}
