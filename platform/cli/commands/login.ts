/** `tuneloop login`: keeps the key of a platform in a file that only you can read. The key comes from stdin or TUNELOOP_KEY, never from a flag. */
import { findAddress } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { credentialsPath, readCredentials, saveKey } from '../credentials.ts';
import { readPlatformFile } from '../platform-file.ts';
import { readSecret } from '../read-secret.ts';

export const command: Command = {
  flags: [{ flags: '--url <address>', description: 'the platform; default: the one that commands speak to' }],
  examples: ['tuneloop login', 'echo "$KEY" | tuneloop login --url http://10.0.0.5:8080', 'TUNELOOP_KEY=sk-tl-… tuneloop login'],
  fields: ['address', 'credentials'],
  async run(context, { flags }) {
    const { environment, out } = context;
    const config = await context.config();
    const settings = flags.url ? { ...config, url: flags.url as string } : config;
    const running = readPlatformFile(config.data);
    const address = findAddress(settings, environment, readCredentials(environment), running);
    const key = config.key ?? (await readKey(context, address));
    // A wrong key is found out now, not at the next command.
    await new Client(address, key).ask('/v1/models');
    saveKey(environment, address, key, running?.address === address ? config.data : null);
    const saved = { address, credentials: credentialsPath(environment) };
    out.print(saved, () => `the key of ${address} is in ${saved.credentials}`);
  },
};

async function readKey({ stdin, stderr }: Context, address: string): Promise<string> {
  const key = (await readSecret(stdin, stderr, `key of ${address}: `)).trim();
  if (key === '') throw new CliError('usage', 'there is no key on stdin and none in TUNELOOP_KEY', { fix: 'echo "$KEY" | tuneloop login' });
  return key;
}
