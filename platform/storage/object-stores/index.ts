/** The object stores a config may name. A new one: its file beside these, and a line here. */
import type { Registry } from '#platform/core/driver.ts';
import type { ObjectStore } from '../object-store.ts';

export const objectStores = {
  disk: () => import('./disk.ts'),
} satisfies Registry<ObjectStore>;
