/** What every WebSocket of the server needs: a heartbeat, and an end for clients that do not read. */
import { GenerationAborted } from '#platform/chat/aborted.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';

const pingMs = 20_000;
/** Unanswered pings before the client counts as gone. */
const mostMissed = 2;
/** Bytes a client may leave unread, and how long. */
const mostUnread = 1 << 20;
const unreadPatienceMs = 10_000;

export function keepSocketAlive(socket: WebSocket): void {
  let missed = 0;
  const timer = setInterval(() => {
    if (missed++ >= mostMissed) socket.terminate();
    else socket.ping();
  }, pingMs);
  socket.on('pong', () => (missed = 0));
  socket.on('close', () => clearInterval(timer));
}

/** Waits while much is unread; throws GenerationAborted and closes with 1013 when that lasts. */
export async function sendPaced(socket: WebSocket, text: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(text);
  const untilMs = performance.now() + unreadPatienceMs;
  while (socket.bufferedAmount > mostUnread && socket.readyState === socket.OPEN) {
    if (performance.now() > untilMs) {
      socket.close(1013, 'the client reads too slowly');
      throw new GenerationAborted('client_too_slow');
    }
    await sleep(20);
  }
}
