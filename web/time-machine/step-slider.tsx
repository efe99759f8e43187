/** Goes back to every step at which the probe was answered, plays them in turn, and returns to now. */
import { useEffect, useRef, useState } from 'react';
import { Button } from '../components/button.tsx';
import { useShortcuts } from '../layout/shortcuts.ts';

interface StepSliderProps {
  /** Ascending. */
  steps: readonly number[];
  /** null is now. */
  position: number | null;
  onMove: (step: number | null) => void;
  isRunning: boolean;
}

/** Time a step is shown while playing. */
const playMs = 700;

export function StepSlider({ steps, position, onMove, isRunning }: StepSliderProps) {
  const [isPlaying, setIsPlaying] = useState(false);
  const last = steps.length - 1;
  const index = position === null ? last : steps.indexOf(position);
  const go = (to: number): void => onMove(to >= last ? null : (steps[Math.max(0, to)] ?? null));
  const play = (): void => {
    if (!isPlaying && position === null) go(0);
    setIsPlaying(!isPlaying && steps.length > 1);
  };
  // The page renders many times a second while the run goes on: the clock runs on through it.
  const latestGo = useRef(go);
  useEffect(() => {
    latestGo.current = go;
  });
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setTimeout(() => {
      if (index >= last - 1) setIsPlaying(false);
      latestGo.current(index + 1);
    }, playMs);
    return () => clearTimeout(timer);
  }, [isPlaying, index, last]);
  useShortcuts([
    { keys: '[', label: 'One answer back', group: 'Time machine', run: () => go(index - 1) },
    { keys: ']', label: 'One answer on', group: 'Time machine', run: () => go(index + 1) },
    { keys: 'p', label: 'Play all answers', group: 'Time machine', run: play },
    { keys: 'l', label: 'Return to now', group: 'Time machine', run: () => onMove(null) },
  ]);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
      <input
        type="range"
        aria-label="Step"
        aria-valuetext={position === null ? 'now' : `step ${position}`}
        className="min-w-40 flex-1"
        min={0}
        max={Math.max(0, last)}
        value={Math.max(0, index)}
        disabled={steps.length < 2}
        onChange={(event) => go(Number(event.target.value))}
      />
      <output className="w-20 font-mono text-[13px] tabular-nums">{steps.length === 0 ? '–' : `step ${steps[index] ?? 0}`}</output>
      <Button keys="p" onClick={play} disabled={steps.length < 2}>
        {isPlaying ? 'Stop' : 'Play'}
      </Button>
      <Button keys="l" onClick={() => onMove(null)} disabled={position === null} aria-pressed={position === null}>
        {isRunning ? 'Live' : 'Newest'}
      </Button>
    </div>
  );
}
