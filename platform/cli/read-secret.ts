/** Reads a secret: all of stdin, or on a terminal a line that is not shown while it is typed. */
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import type { Terminal } from './context.ts';

export async function readSecret(stdin: Terminal['stdin'], stderr: Terminal['stderr'], prompt: string): Promise<string> {
  if (!stdin.isTTY) return text(stdin);
  stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: nowhere, terminal: true });
  const secret = await reader.question('');
  reader.close();
  stderr.write('\n');
  return secret;
}
