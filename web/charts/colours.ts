/** The page's colours as a canvas needs them: tokens resolved for the theme that is shown. */
import { useEffect, useState } from 'react';
import { onColours } from '../layout/theme.ts';

/** A canvas does not understand `light-dark()`: the browser is asked what it makes of the token. */
export function resolveColour(name: string, alpha: number = 1): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--color-${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return alpha === 1 ? colour : colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}

/** Counts the changes of theme: a chart is drawn anew at each. */
export function useColourVersion(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => onColours(() => setVersion((known) => known + 1)), []);
  return version;
}
