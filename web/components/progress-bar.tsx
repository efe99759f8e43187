/** How far something is, 0 to 1; null while that is not known. */
export function ProgressBar({ share, label, className = 'h-2' }: { share: number | null; label: string; className?: string }) {
  const width = `${Math.min(1, Math.max(0, share ?? 0)) * 100}%`;
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(share !== null && { 'aria-valuenow': Math.round(share * 100) })}
      className={`w-full overflow-hidden rounded-full bg-inset ring-1 ring-line ${className}`}
    >
      <div
        className={`h-full rounded-full bg-accent ${share === null ? 'w-full animate-pulse opacity-30' : ''}`}
        style={share === null ? {} : { width }}
      />
    </div>
  );
}
