/** The sources a catalogue entry may name. A new one: its shape in the contract, its file beside these, and a line here. */
import type { Source } from '../source.ts';

export const sources: Record<string, () => Promise<{ source: Source }>> = {
  package: () => import('./package.ts'),
  hub: () => import('./hub.ts'),
  local: () => import('./local.ts'),
};
