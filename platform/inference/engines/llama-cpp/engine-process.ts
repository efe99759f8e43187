/** The platform's end of the engine's process: starts it when it is needed, pairs answers with questions, and notices its death. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PlatformError } from '#platform/core/errors.ts';
import type { GenerateEvent } from '../../engine.ts';
import type { CallName, Calls, FromHost, HostOptions, HostRequest, ToHost } from './protocol.ts';

const program = fileURLToPath(new URL('process.ts', import.meta.url));
/** Of what the process wrote before it died. */
const mostErrorText = 2000;

/** Whoever waits for what the process says about one question. */
interface Listener {
  event?: (event: GenerateEvent) => void;
  result?: (value: unknown) => void;
  failure: (error: PlatformError) => void;
}

interface Running {
  child: ChildProcess;
  listeners: Map<number, Listener>;
  ended: Promise<void>;
}

export class EngineProcess {
  readonly #options: HostOptions;
  #running: Running | null = null;
  #nextId = 0;
  #isClosed = false;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Null while no process runs. */
  get pid(): number | null {
    return this.#running?.child.pid ?? null;
  }

  call<Name extends CallName>(name: Name, ...values: Parameters<Calls[Name]>): Promise<ReturnType<Calls[Name]>> {
    return new Promise((resolve, reject) => {
      const listener: Listener = { result: (value) => resolve(value as ReturnType<Calls[Name]>), failure: reject };
      this.#ask((id) => ({ type: 'call', id, name, values }) as unknown as ToHost, listener);
    });
  }

  /** The returned function makes the process forget the request. */
  generate(request: HostRequest, event: (event: GenerateEvent) => void, failure: (error: PlatformError) => void): () => void {
    const { id, running } = this.#ask((askedId) => ({ type: 'generate', id: askedId, request }), { event, failure });
    return () => {
      if (running.listeners.delete(id) && running.child.connected) running.child.send({ type: 'cancel', id } satisfies ToHost);
    };
  }

  /** Whatever still waits fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#running;
    running?.child.kill('SIGKILL');
    await running?.ended;
  }

  #ask(message: (id: number) => ToHost, listener: Listener): { id: number; running: Running } {
    if (this.#isClosed) throw new PlatformError('engine_unavailable', 'the engine is closed; the platform is shutting down');
    this.#running ??= this.#start();
    const running = this.#running;
    const id = this.#nextId++;
    running.listeners.set(id, listener);
    // An error here means that the process is ending; its end is told to all listeners.
    running.child.send(message(id), () => {});
    return { id, running };
  }

  #start(): Running {
    const child = fork(program, [JSON.stringify(this.#options)], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const ended = Promise.withResolvers<void>();
    const running: Running = { child, listeners: new Map(), ended: ended.promise };
    let errorText = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (errorText = (errorText + text).slice(-mostErrorText)));
    child.on('message', (message: FromHost) => hear(running.listeners, message));
    const end = (how: string): void => {
      if (this.#running === running) this.#running = null;
      const said = errorText.trim() === '' ? '' : ` It said: ${errorText.trim()}`;
      const error = new PlatformError('engine_failed', `the engine's process ${how}. The next request starts it again.${said}`);
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

function hear(listeners: Map<number, Listener>, message: FromHost): void {
  if (message.type === 'events') {
    for (const [id, event] of message.events) {
      listeners.get(id)?.event?.(event);
      if (event.type === 'text-end') listeners.delete(id);
    }
    return;
  }
  const listener = listeners.get(message.id);
  listeners.delete(message.id);
  if (message.type === 'result') listener?.result?.(message.value);
  else listener?.failure(new PlatformError(message.code, message.message, message.details));
}
