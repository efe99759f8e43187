/** Which platform the command line speaks to. */
import type { Config } from '#platform/config.ts';
import type { Credentials } from './credentials.ts';

/**
 * TUNELOOP_URL; else TUNELOOP_HOST and TUNELOOP_PORT when either is set; else the platform that runs on the data folder of the settings;
 * else the one that `login`, `up --detach` or the demo used last; else the default of the settings. Without a slash at its end.
 */
export function findAddress(
  config: Pick<Config, 'url' | 'host' | 'port'>,
  environment: Record<string, string | undefined>,
  { current }: Pick<Credentials, 'current'>,
  running: { address: string } | null,
): string {
  if (config.url) return config.url.replace(/\/(v1\/?)?$/, '');
  if (environment.TUNELOOP_HOST || environment.TUNELOOP_PORT) return httpAddress(config.host, config.port);
  return running?.address ?? current ?? httpAddress(config.host, config.port);
}

/** A wildcard host is listened on, not connected to. */
export function httpAddress(host: string, port: number): string {
  const target = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${target.includes(':') ? `[${target}]` : target}:${port}`;
}
