/** The engine's own process: `node process.ts '<HostOptions as JSON>'`, started by the driver; it talks over its channel alone. */
import { getLlama, LlamaLogLevel, type Llama } from 'node-llama-cpp';
import { PlatformError } from '#platform/core/errors.ts';
import { Host } from './host.ts';
import type { FromHost, HostOptions, ToHost } from './protocol.ts';

const options = JSON.parse(process.argv[2]!) as HostOptions;
const cancels = new Map<number, () => void>();
let events: Extract<FromHost, { type: 'events' }>['events'] = [];

function send(message: FromHost): void {
  if (process.connected) process.send!(message);
}

function sendEvents(): void {
  if (events.length > 0) send({ type: 'events', events });
  events = [];
}

function sendFailure(id: number, error: unknown): void {
  sendEvents();
  const known = error instanceof PlatformError ? error : null;
  const message = known?.message ?? `the engine failed: ${error instanceof Error ? error.message : String(error)}`;
  const details = { param: known?.param ?? null, ...(known?.retryAfterSeconds && { retryAfterSeconds: known.retryAfterSeconds }) };
  send({ type: 'failure', id, code: known?.code ?? 'engine_failed', message, details });
}

/** On a GPU where a build for it is installed; what is not installed is never fetched or built. */
async function openLlama(): Promise<Llama> {
  return getLlama({ gpu: 'auto', build: 'never', skipDownload: true, maxThreads: 0, logLevel: LlamaLogLevel.error });
}

const host = new Host(options, openLlama, sendEvents);

function generate({ id, request }: Extract<ToHost, { type: 'generate' }>): void {
  const cancel = host.generate(request, {
    event: (event) => {
      events.push([id, event]);
      if (event.type === 'text-end') cancels.delete(id);
    },
    failure: (error) => {
      cancels.delete(id);
      sendFailure(id, error);
    },
  });
  cancels.set(id, cancel);
}

process.on('message', (message: ToHost) => {
  if (message.type === 'generate') return generate(message);
  if (message.type === 'cancel') {
    cancels.get(message.id)?.();
    cancels.delete(message.id);
    return;
  }
  const { id, name, values } = message;
  const call = host[name] as (...given: unknown[]) => Promise<unknown>;
  call.apply(host, values).then(
    (value) => send({ type: 'result', id, value }),
    (error: unknown) => sendFailure(id, error),
  );
});

// The platform is gone: nobody can hear an answer any more.
process.on('disconnect', () => process.exit(0));
// A terminal and a service manager tell both processes to end; when this one does, the platform decides.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
