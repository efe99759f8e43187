/** One set-up of a clone at a time: a lock file that names its holder, taken over when holder and child are gone. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tools } from './paths.mjs';

const path = join(tools, 'setup.lock');
/** Commands under way; a signal to us is passed on to them. @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();

/** Runs `work` while no other set-up does; waits for one that is at work. */
export async function withLock(work) {
  mkdirSync(tools, { recursive: true });
  await take();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => leave(signal));
  try {
    await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Writes the child into the lock: if we are killed, the next set-up waits until it has ended too. Returns what undoes that. */
export function rememberChild(child) {
  children.add(child);
  if (child.pid) writeLock({ pid: process.pid, child: child.pid });
  return () => {
    children.delete(child);
    writeLock({ pid: process.pid });
  };
}

async function take() {
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, JSON.stringify({ pid: process.pid }), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = aliveHolder(path);
    if (holder === null) removeStale();
    else {
      if (!told) process.stderr.write(`  … another set-up is at work (process ${holder}); waiting for it\n`);
      told = true;
      await sleep(500);
    }
  }
}

/** By rename, so that of two who find the same dead holder only one removes it; a lock taken in between is put back. */
function removeStale() {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (aliveHolder(aside) !== null) renameSync(aside, path);
  else rmSync(aside);
}

/** Process id of the holder, or of the child it left behind; null when both are gone. */
function aliveHolder(file) {
  try {
    const { pid, child } = JSON.parse(readFileSync(file, 'utf8'));
    return [pid, child].find((id) => Number.isInteger(id) && isAlive(id)) ?? null;
  } catch {
    return null; // gone, or half written by a holder that was killed
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function writeLock(content) {
  writeFileSync(`${path}.new`, JSON.stringify(content));
  renameSync(`${path}.new`, path);
}

/** The lock stays: it is void once we and our child are gone, and the child may take a moment. */
function leave(signal) {
  for (const child of children) child.kill(signal);
  process.stderr.write('\nstopped; what is done is kept, run it again to go on\n');
  process.exit(130);
}
