/** Server-sent events to one client: flushed at once, kept alive while nothing happens, never buffered without end. */
import type { FastifyReply } from 'fastify';
import { GenerationAborted } from '#platform/chat/aborted.ts';

const usualLimits = {
  /** Proxies close a silent connection after 60 s (nginx). */
  keepAliveMs: 15_000,
  /** What one client may leave unread, in bytes, and for how long once that is reached. */
  mostUnread: 1 << 20,
  unreadPatienceMs: 10_000,
};

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  connection: 'keep-alive',
  'x-accel-buffering': 'no',
};

export class EventStream {
  readonly #reply: FastifyReply;
  readonly #limits: typeof usualLimits;
  #isOpen = false;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(reply: FastifyReply, limits: Partial<typeof usualLimits> = {}) {
    this.#reply = reply;
    this.#limits = { ...usualLimits, ...limits };
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends the head at once: from here on errors are frames, not statuses. */
  open(): void {
    this.#begin();
    this.#reply.raw.flushHeaders();
  }

  #begin(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#reply.hijack();
    const { raw } = this.#reply;
    if (raw.destroyed) return;
    raw.writeHead(200, { ...(this.#reply.getHeaders() as Record<string, string>), ...streamHeaders });
    this.#keepAlive = setInterval(() => raw.write(': keep-alive\n\n'), this.#limits.keepAliveMs);
    raw.once('close', () => clearInterval(this.#keepAlive));
  }

  /** One event; `fields` are further lines of it, such as `id: 7`. Throws GenerationAborted when the client reads too slowly. */
  async send(data: string, fields = ''): Promise<void> {
    this.#begin();
    this.#keepAlive?.refresh();
    const { raw } = this.#reply;
    raw.write(`${fields}data: ${data}\n\n`);
    if (raw.writableLength > this.#limits.mostUnread) await this.#drained();
  }

  /** A field of the stream itself, such as `retry: 3000`. */
  line(text: string): void {
    this.#begin();
    this.#reply.raw.write(`${text}\n\n`);
  }

  end(): void {
    clearInterval(this.#keepAlive);
    const { raw } = this.#reply;
    // A client that never reads the rest does not hold its socket for ever.
    raw.socket?.setTimeout(60_000);
    raw.end();
  }

  #drained(): Promise<void> {
    const { raw } = this.#reply;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        raw.off('drain', done).off('close', done);
        resolve();
      };
      const timer = setTimeout(() => {
        raw.off('drain', done).off('close', done);
        reject(new GenerationAborted('client_too_slow'));
      }, this.#limits.unreadPatienceMs);
      raw.on('drain', done).on('close', done);
    });
  }
}
