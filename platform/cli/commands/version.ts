/** `tuneloop version`: versions of Tuneloop here and at the platform, and of Node. */
import { version } from '#platform/core/version.ts';
import { CliError } from '../cli-error.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  examples: ['tuneloop version', 'tuneloop version --json tuneloop'],
  fields: ['tuneloop', 'node', 'platform', 'server'],
  async run({ out, client: openClient }) {
    const client = await openClient();
    const server = await client.ask<{ version: string }>('/health').catch((error: unknown) => {
      if (error instanceof CliError) return null;
      throw error;
    });
    const versions = {
      tuneloop: version,
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
      server: server?.version ?? null,
    };
    out.print(
      versions,
      () =>
        `tuneloop ${version}  (Node ${versions.node}, ${versions.platform}; ${server ? `server ${server.version} at ${client.address}` : `no server at ${client.address}`})`,
    );
  },
};
