/** Who is signed in: asked of the platform, which keeps the session in a cookie that no script can read. */
import { useQuery } from '@tanstack/react-query';
import type { Session } from '#contract/session.ts';
import { call } from './call.ts';
import { ApiFailure } from './failure.ts';
import { queryClient } from './query-client.ts';

/** null is nobody. */
export function useSession() {
  return useQuery({
    queryKey: ['session'],
    queryFn: async (): Promise<Session | null> => {
      try {
        return await call<Session>('/api/v1/session');
      } catch (error) {
        if (error instanceof ApiFailure && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

/** Throws an ApiFailure when the key is not known. */
export async function signIn(key: string): Promise<void> {
  const session = await call<Session>('/api/v1/session', { body: { key } });
  show(session);
}

export async function signOut(): Promise<void> {
  await call('/api/v1/session', { method: 'DELETE' });
  show(null);
}

/** What somebody else was shown is forgotten. */
function show(session: Session | null): void {
  queryClient.setQueryData(['session'], session);
  queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
}
