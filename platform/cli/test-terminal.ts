/** A terminal for tests: runs one command line in this process and gives back what it printed and its exit code. */
import { Readable, Writable } from 'node:stream';
import { runCli } from './run-cli.ts';

export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export async function runOnTestTerminal(words: string[], environment: Record<string, string>, input = ''): Promise<Ran> {
  const stdout = new Capture();
  const stderr = new Capture();
  const exitCode = await runCli(words, { environment, stdin: Readable.from([input]), stdout, stderr });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

class Capture extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
