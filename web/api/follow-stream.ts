/** A stream of server-sent events that comes back by itself, for as long as somebody looks at the page. */
import { call } from './call.ts';

export type Connection = 'connecting' | 'live' | 'lost' | 'ended';

export interface StreamHandlers {
  /** The address to connect to now: it says after which event to go on. */
  address(): string;
  /** `reopen` when something was missed: the stream begins again at `address`. */
  onData(data: unknown): 'reopen' | undefined;
  onConnection?(connection: Connection): void;
}

const firstRetryMs = 250;
const longestRetryMs = 2000;
/** A browser opens six connections to a server: a page in the background gives its own back after this time. */
const hiddenPatienceMs = 10_000;

/** Returns what stops it. */
export function followStream(handlers: StreamHandlers): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = firstRetryMs;
  let isOver = false;

  const close = (): void => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const open = (): void => {
    close();
    handlers.onConnection?.('connecting');
    const opened = new EventSource(handlers.address());
    source = opened;
    opened.onopen = () => {
      retryMs = firstRetryMs;
      handlers.onConnection?.('live');
    };
    opened.onmessage = (event: MessageEvent<string>) => {
      if (handlers.onData(JSON.parse(event.data)) === 'reopen') open();
    };
    opened.addEventListener('end', () => {
      isOver = true;
      close();
      handlers.onConnection?.('ended');
    });
    // The browser's own return would wait 3 s, and not come at all after an answer that is no stream.
    opened.onerror = () => {
      close();
      handlers.onConnection?.('lost');
      // Finds out, for the whole page, whether the platform is there.
      call('/health').catch(() => undefined);
      timer = setTimeout(open, retryMs);
      retryMs = Math.min(retryMs * 2, longestRetryMs);
    };
  };
  const onVisibility = (): void => {
    if (isOver) return;
    if (document.hidden) {
      clearTimeout(timer);
      timer = setTimeout(close, hiddenPatienceMs);
    } else if (source) clearTimeout(timer);
    else open();
  };

  document.addEventListener('visibilitychange', onVisibility);
  open();
  return () => {
    isOver = true;
    close();
    document.removeEventListener('visibilitychange', onVisibility);
  };
}
