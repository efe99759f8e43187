/** The platform's end of an engine's process: starts it when it is needed, pairs answers with questions, and notices its death. */
import type { ChildProcess } from 'node:child_process';
import { PlatformError } from '#platform/core/errors.ts';

/** Of what the process wrote before it died. */
const mostErrorText = 2000;

/** How a process is started and spoken to. Its stderr is piped. */
export interface Wire<Said> {
  start(): ChildProcess;
  /** A failure to send is told by the end of the process. */
  send(child: ChildProcess, message: object): void;
  listen(child: ChildProcess, hear: (id: number, said: Said) => void): void;
}

/** Whoever waits for what the process says about one question. */
export interface Listener<Said> {
  /** Whether that was the last of it. */
  said: (said: Said) => boolean;
  failure: (error: PlatformError) => void;
}

interface Running<Said> {
  child: ChildProcess;
  listeners: Map<number, Listener<Said>>;
  ended: Promise<void>;
}

export class EngineChild<Said> {
  readonly #wire: Wire<Said>;
  #running: Running<Said> | null = null;
  #nextId = 0;
  #isClosed = false;

  constructor(wire: Wire<Said>) {
    this.#wire = wire;
  }

  /** Null while no process runs. */
  get pid(): number | null {
    return this.#running?.child.pid ?? null;
  }

  /** The returned function makes the process forget a question that is still open. Throws `engine_unavailable`. */
  ask(message: (id: number) => object, listener: Listener<Said>, cancel?: (id: number) => object): () => void {
    if (this.#isClosed) throw new PlatformError('engine_unavailable', 'the engine is closed; the platform is shutting down');
    this.#running ??= this.#start();
    const { child, listeners } = this.#running;
    const id = this.#nextId++;
    listeners.set(id, listener);
    this.#wire.send(child, message(id));
    return () => {
      if (listeners.delete(id) && cancel) this.#wire.send(child, cancel(id));
    };
  }

  /** Whatever still waits fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#running;
    running?.child.kill('SIGKILL');
    await running?.ended;
  }

  #start(): Running<Said> {
    const child = this.#wire.start();
    const ended = Promise.withResolvers<void>();
    const running: Running<Said> = { child, listeners: new Map(), ended: ended.promise };
    let errorText = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (errorText = (errorText + text).slice(-mostErrorText)));
    this.#wire.listen(child, (id, said) => {
      if (running.listeners.get(id)?.said(said)) running.listeners.delete(id);
    });
    const end = (how: string): void => {
      if (this.#running === running) this.#running = null;
      const words = errorText.trim() === '' ? '' : ` It said: ${errorText.trim()}`;
      const error = new PlatformError('engine_failed', `the engine's process ${how}. The next request starts it again.${words}`);
      for (const listener of running.listeners.values()) listener.failure(error);
      running.listeners.clear();
      ended.resolve();
    };
    child.on('error', (error) => {
      end(`failed: ${error.message}`);
      child.kill('SIGKILL');
    });
    // "close", not "exit": by then its last words are read.
    child.once('close', (code, signal) => end(signal === null ? `ended with code ${code}` : `was ended by ${signal}`));
    return running;
  }
}
