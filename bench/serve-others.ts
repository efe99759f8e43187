/** The two that our engine is measured against, each in a process of its own that counts its own CPU. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '#platform/config.ts';
import type { Cost, Setting, Side } from './serve-side.ts';

/** Wheels with llama.cpp's server in them, built for any x86-64 machine with AVX2; its own note says that they are not tuned further. */
const serverPackage = 'xllamacpp==2026.10.11549';
const serverFolder = join(projectRoot, '.tools', 'bench-xllamacpp');

/** A script as the library's documentation has it: sequences of one context, evaluated side by side. */
export async function openDirect(setting: Setting): Promise<Side> {
  const child = fork(join(import.meta.dirname, 'serve-direct.ts'), [JSON.stringify(setting)], { execArgv: [] });
  await once(child, 'message');
  const answer = async (prompts: string[]): Promise<Cost> => {
    child.send(prompts);
    const [cost] = (await once(child, 'message')) as [Cost];
    return cost;
  };
  return { name: 'node-llama-cpp, directly', answer, close: () => end(child) };
}

/** llama.cpp's server inside a Python process, asked without HTTP. Fetched on first use. */
export async function openLlamaServer(setting: Setting): Promise<Side> {
  await fetchServer();
  const python = join(projectRoot, '.venv', 'bin', 'python');
  const child = spawn(python, [join(import.meta.dirname, 'serve_llama_server.py'), JSON.stringify(setting)], {
    env: { ...process.env, PYTHONPATH: serverFolder },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`llama.cpp's server ended with code ${child.exitCode}`);
    return JSON.parse(value) as unknown;
  };
  await next();
  const answer = async (prompts: string[]): Promise<Cost> => {
    child.stdin.write(`${JSON.stringify(prompts)}\n`);
    return (await next()) as Cost;
  };
  return { name: "llama.cpp's server", answer, close: () => end(child) };
}

async function fetchServer(): Promise<void> {
  if (existsSync(join(serverFolder, 'xllamacpp'))) return;
  console.error(`fetching ${serverPackage} into ${serverFolder}`);
  const uv = join(projectRoot, '.tools', 'uv', 'bin', 'uv');
  const parameters = [
    'pip',
    'install',
    '--quiet',
    '--python',
    join(projectRoot, '.venv', 'bin', 'python'),
    '--target',
    serverFolder,
    serverPackage,
  ];
  const [code] = (await once(spawn(uv, parameters, { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit')) as [number];
  if (code !== 0) throw new Error(`uv could not install ${serverPackage}; run npm run setup first`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}
