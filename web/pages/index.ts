/** The pages of the dashboard. A new one: its file beside these, which exports `Page`, and a line here. */
import type { ComponentType } from 'react';

export interface PageEntry {
  /** `$name` is a parameter of the address. */
  path: string;
  title: string;
  /** In the navigation, and opened by `g` and this key. Left out: reached from other pages. */
  key?: string;
  load: () => Promise<{ Page: ComponentType }>;
}

export const pages: PageEntry[] = [
  { path: '/', title: 'Home', key: 'h', load: () => import('./home.tsx') },
  { path: '/data', title: 'Data', key: 'd', load: () => import('./data.tsx') },
  { path: '/data/$dataset', title: 'Data', load: () => import('./dataset.tsx') },
  { path: '/new', title: 'New run', key: 'n', load: () => import('./new-run.tsx') },
  { path: '/runs', title: 'Runs', key: 'r', load: () => import('./runs.tsx') },
  { path: '/runs/$id', title: 'Run', load: () => import('./run.tsx') },
  { path: '/playground', title: 'Playground', key: 'p', load: () => import('./playground.tsx') },
];
