/** The frame of every page: navigation, who is signed in, what is wrong with the connection, and the page itself. */
import { Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useSession } from '../api/session.ts';
import { FailureView } from '../components/failure-view.tsx';
import { Waiting } from '../components/waiting.tsx';
import { pages } from '../pages/index.ts';
import { CommandMenu } from './command-menu.tsx';
import { Help } from './help.tsx';
import { NavigationBar } from './navigation-bar.tsx';
import { listenToKeys } from './shortcuts.ts';
import { SignIn } from './sign-in.tsx';
import { ToastArea } from './toast-area.tsx';
import { Unreachable } from './unreachable.tsx';

export function Shell() {
  useEffect(listenToKeys, []);
  const session = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isSignedIn = Boolean(session.data);
  const title = titleOf(path);
  useEffect(() => {
    document.title = title === '' ? 'Tuneloop' : `${title} · Tuneloop`;
  }, [title]);
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#page" className="sr-only focus:not-sr-only focus:p-2">
        Skip to the page
      </a>
      {isSignedIn && <NavigationBar session={session.data!} />}
      <Unreachable />
      <main id="page" className="mx-auto w-full max-w-[1600px] flex-1 px-3 py-4 sm:px-5" data-path={path}>
        {session.isPending && <Waiting for="the platform to say who is signed in" />}
        {session.isError && <FailureView error={session.error} onRetry={() => void session.refetch()} />}
        {session.data === null && <SignIn />}
        {isSignedIn && <Outlet />}
      </main>
      {isSignedIn && (
        <>
          <CommandMenu />
          <Help />
        </>
      )}
      <ToastArea />
    </div>
  );
}

/** A page with a parameter is that of every path that goes on where the parameter stands. */
function titleOf(path: string): string {
  const page =
    pages.find((each) => each.path === path) ?? pages.find((each) => path.startsWith(each.path.split('$')[0]!) && each.path.includes('$'));
  return page?.title ?? '';
}
