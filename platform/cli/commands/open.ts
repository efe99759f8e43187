/** `tuneloop open`: the dashboard in the browser; without one its address. */
import { spawn } from 'node:child_process';
import type { Command } from '../command.ts';

/** What opens an address on each system; elsewhere people follow the printed one. */
const openers: Record<string, [string, ...string[]]> = {
  darwin: ['open'],
  linux: ['xdg-open'],
  win32: ['cmd', '/c', 'start', ''],
};

export const command: Command = {
  words: [['[page]', 'a page of it: runs, new, playground']],
  examples: ['tuneloop open', 'tuneloop open playground', 'tuneloop open --json address'],
  fields: ['address'],
  async run({ out, stdout, client: openClient }, { words: [page = ''] }) {
    const client = await openClient();
    // An address that nobody answers at would open an error page.
    await client.ask('/health');
    const address = `${client.address}/${page.replace(/^\/+/, '')}`;
    out.print({ address }, () => address);
    if (stdout.isTTY) openInBrowser(address);
  },
};

/** Whoever has no browser here has the address. */
function openInBrowser(address: string): void {
  const [program, ...parameters] = openers[process.platform] ?? [];
  if (program === undefined) return;
  spawn(program, [...parameters, address], { stdio: 'ignore', detached: true })
    .once('error', () => {})
    .unref();
}
