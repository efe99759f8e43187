/** What the pages know of the platform's state: asked again when a page is looked at, and until an answer comes. */
import { QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiFailure } from './failure.ts';

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // A session that has ended shows the sign-in, whichever request finds out.
    onError: (error, query) => {
      if (error instanceof ApiFailure && error.status === 401 && query.queryKey[0] !== 'session') {
        void queryClient.invalidateQueries({ queryKey: ['session'] });
      }
    },
  }),
  defaultOptions: {
    queries: {
      networkMode: 'always',
      staleTime: 2000,
      // A platform that restarts is asked until it is back; what it refused is not asked twice.
      retry: (_count, error) => error instanceof ApiFailure && (error.status === 0 || error.status === 503),
      retryDelay: (attempt) => Math.min(250 * 2 ** attempt, 1500),
    },
    mutations: { networkMode: 'always', retry: false },
  },
});
