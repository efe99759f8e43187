/** llama.cpp's process as the driver speaks to it. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PlatformError } from '#platform/core/errors.ts';
import { EngineChild } from '../../engine-child.ts';
import type { GenerateEvent } from '../../engine.ts';
import type { CallName, Calls, FromHost, HostOptions, HostRequest, ToHost } from './protocol.ts';

const program = fileURLToPath(new URL('process.ts', import.meta.url));

/** What is said about one question. */
type Said = Exclude<FromHost, { type: 'events' }> | { type: 'event'; event: GenerateEvent };

export class EngineProcess {
  readonly #child: EngineChild<Said>;

  constructor(options: HostOptions) {
    const start = (): ChildProcess =>
      fork(program, [JSON.stringify(options)], { execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child = new EngineChild({ start, send, listen });
  }

  /** Null while no process runs. */
  get pid(): number | null {
    return this.#child.pid;
  }

  call<Name extends CallName>(name: Name, ...values: Parameters<Calls[Name]>): Promise<ReturnType<Calls[Name]>> {
    return new Promise((resolve, reject) => {
      const said = (message: Said): boolean => {
        if (message.type === 'result') resolve(message.value as ReturnType<Calls[Name]>);
        if (message.type === 'failure') reject(failureOf(message));
        return true;
      };
      this.#child.ask((id) => ({ type: 'call', id, name, values }) as unknown as ToHost, { said, failure: reject });
    });
  }

  /** The returned function makes the process forget the request. */
  generate(request: HostRequest, event: (event: GenerateEvent) => void, failure: (error: PlatformError) => void): () => void {
    const said = (message: Said): boolean => {
      if (message.type === 'failure') failure(failureOf(message));
      if (message.type !== 'event') return true;
      event(message.event);
      return message.event.type === 'text-end';
    };
    const ask = (id: number): ToHost => ({ type: 'generate', id, request });
    return this.#child.ask(ask, { said, failure }, (id): ToHost => ({ type: 'cancel', id }));
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}

/** An error here means that the process is ending; its end is told to all listeners. */
function send(child: ChildProcess, message: object): void {
  if (child.connected) child.send(message, () => {});
}

function listen(child: ChildProcess, hear: (id: number, said: Said) => void): void {
  child.on('message', (message: FromHost) => {
    if (message.type !== 'events') return hear(message.id, message);
    for (const [id, event] of message.events) hear(id, { type: 'event', event });
  });
}

function failureOf({ code, message, details }: Extract<FromHost, { type: 'failure' }>): PlatformError {
  return new PlatformError(code, message, details);
}
