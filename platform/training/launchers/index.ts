/** Where training processes may run. A new place: its file beside these, and a line here. */
import type { Registry } from '#platform/core/driver.ts';
import type { Launcher } from '../launcher.ts';

export const launchers = {
  local: () => import('./local.ts'),
} satisfies Registry<Launcher>;
