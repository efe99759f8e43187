/** Keys as they are printed on buttons and in the help: `mod+k` → ⌘K. */
const signs: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Enter: '⏎', ' ': 'Space' };

export function Keys({ keys }: { keys: string }) {
  const parts = keys === ' ' ? [keys] : keys.split(' ');
  return (
    <span className="inline-flex gap-1" aria-hidden>
      {parts.map((part) => (
        <kbd key={part} className="rounded border border-current/30 px-1 font-mono text-[0.8em] leading-4 opacity-80">
          {part.startsWith('mod+') ? `⌘${signs[part.slice(4)] ?? part.slice(4).toUpperCase()}` : (signs[part] ?? part)}
        </kbd>
      ))}
    </span>
  );
}
