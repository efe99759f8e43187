/** Addresses to pages: made of the list of pages, each loaded when it is first visited. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Shell } from './layout/shell.tsx';
import { PagePending } from './layout/page-pending.tsx';
import { PageFailed } from './layout/page-failed.tsx';
import { NotFound } from './layout/not-found.tsx';
import { pages } from './pages/index.ts';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const routes = pages.map(({ path, load }) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load, 'Page'), errorComponent: PageFailed }),
);

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: 'intent',
  defaultPendingMs: 300,
  defaultPendingComponent: PagePending,
  scrollRestoration: true,
  // Plain `?key=value`: every value is text, and an address can be typed by hand.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== null && value !== '');
    return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()}`;
  },
});
