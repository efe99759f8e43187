/** `tuneloop up`: opens the platform in this process and serves it until Ctrl-C; with --detach in a process of its own. */
import { existsSync } from 'node:fs';
import type { App } from '#platform/app.ts';
import type { Config } from '#platform/config.ts';
import { httpAddress } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { wholeNumber, type Command } from '../command.ts';
import type { Context } from '../context.ts';
import { removePlatformFile, writePlatformFile } from '../platform-file.ts';

export const command: Command = {
  flags: [
    { flags: '-p, --port <number>', description: 'port to listen on; 0 takes a free one', parse: wholeNumber(0) },
    { flags: '--host <address>', description: 'address to listen on' },
    { flags: '-d, --detach', description: 'come back once it serves; tuneloop down stops it' },
  ],
  examples: ['tuneloop up', 'tuneloop up --port 9000', 'tuneloop up --detach --json'],
  fields: ['address', 'key', 'pid', 'data', 'log'],
  async run(context, { flags }) {
    const settings = await context.config();
    const config = {
      ...settings,
      port: (flags.port as number | undefined) ?? settings.port,
      host: (flags.host as string | undefined) ?? settings.host,
    };
    if (flags.detach) return startDetached(context, config);
    await serve(context, config);
  },
};

async function startDetached(context: Context, config: Config): Promise<void> {
  const { startPlatform } = await import('../start-platform.ts');
  tellWait(context, config);
  const started = await startPlatform(context, config);
  const how = started.isNew ? '' : ' (it was running already)';
  context.out.print({ ...started, data: config.data }, () =>
    [
      `open     ${started.address}${how}`,
      `address  ${started.address}/v1`,
      `key      ${started.key ?? '(open: none)'}`,
      `log      ${started.log}`,
      'stop     tuneloop down',
    ].join('\n'),
  );
}

/** Resolves when the platform has been told to stop and has let go of everything. */
async function serve(context: Context, config: Config): Promise<void> {
  tellWait(context, config);
  const { openApp } = await import('#platform/app.ts');
  const { listen, openServer } = await import('#platform/api/server.ts');
  const stopped = stopSignal(context);
  const app = await openApp(config);
  try {
    const server = await openServer(app);
    try {
      const address = await listen(server, config).catch((error: unknown) => refusePort(error, config));
      writePlatformFile(config.data, { pid: process.pid, address, started_at: Math.floor(Date.now() / 1000) });
      announce(context, config, address, app.createdKey);
      await stopped;
      context.out.note('stopping: running answers may end first (Ctrl-C again stops at once)');
    } finally {
      await server.close();
    }
    await tellRunning(context, app);
  } finally {
    removePlatformFile(config.data);
    await app.close();
  }
}

/** Making the database of a new data folder takes some seconds, in which nothing else can be shown. */
function tellWait({ out }: Context, { data }: Config): void {
  out.note(existsSync(data) ? 'starting' : `starting; ${data} is new and gets its database first`);
}

/** The first SIGINT or SIGTERM asks to stop; a second one does not wait. */
function stopSignal({ out }: Context): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) {
        out.note('stopped at once');
        process.exit(130);
      }
      asked = true;
      resolve();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
  });
}

function announce({ out }: Context, config: Config, address: string, key: string | null): void {
  const keyLines = key
    ? [`  key      ${key}`, '           shown this once: keep it with  tuneloop login']
    : [config.open ? '  key      none: TUNELOOP_OPEN is set' : '  key      the one you have (tuneloop login, or TUNELOOP_KEY)'];
  out.print({ address, key, pid: process.pid, data: config.data, log: null }, () => {
    const lines = [`  open     ${address}`, `  address  ${address}/v1`, ...keyLines, `  data     ${config.data}`, '  stop     Ctrl-C'];
    return ['Tuneloop is up', ...lines].join('\n');
  });
}

/** Training goes on without the platform; whoever stops it should know. */
async function tellRunning({ out }: Context, { database: { db } }: App): Promise<void> {
  const runs = await db.selectFrom('runs').select('id').where('state', '=', 'running').execute();
  if (runs.length === 0) return;
  const ids = runs.map(({ id }) => id).join(', ');
  out.note(
    `still training: ${ids}\n  tuneloop up finds ${runs.length === 1 ? 'it' : 'them'} again; to stop one: tuneloop up, then tuneloop run cancel ${runs[0]!.id}`,
  );
}

function refusePort(error: unknown, { host, port }: Config): never {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
  throw new CliError('port_in_use', `something else listens at ${httpAddress(host, port)}`, {
    fix: 'tuneloop status, or take a free port: tuneloop up --port 0',
    cause: error,
  });
}
