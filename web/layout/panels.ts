/** Which panel lies over the page. */
import { createStore } from '../api/store.ts';

export const openPanel = createStore<'commands' | 'help' | null>(null);
