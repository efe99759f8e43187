/** Kinds of findings and what can be done about them, in words. */

/** `near_duplicates` → `near duplicates` */
export function findingTitle(kind: string): string {
  return kind.replaceAll('_', ' ');
}

export const severityWords = {
  error: { sign: '✗', word: 'error', look: 'text-bad' },
  warning: { sign: '⚠', word: 'warning', look: 'text-warn' },
  info: { sign: '●', word: 'remark', look: 'text-muted' },
} as const;
