/** Whether the platform answered the last time it was asked: the whole page says so when it did not. */
import { createStore } from './store.ts';

export const reachability = createStore(true);
