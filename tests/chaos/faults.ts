/** What may be done to a platform and to what it stands on. Each puts right again what does not come back by itself. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Failpoint } from '#platform/core/failpoint.ts';
import { signal } from './processes.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface Fault {
  name: string;
  /** Whether this world has what it hits. */
  fits(world: World): boolean;
  act(world: World, random: Random): Promise<void>;
}

const hour = 3_600_000;
const failpoints: Failpoint[] = [
  'job-before-commit',
  'job-after-commit',
  'file-before-commit',
  'file-after-commit',
  'checkpoint-before-commit',
  'checkpoint-after-commit',
  'success-before-commit',
  'success-after-commit',
];
const always = (): boolean => true;

/** Stops a process for a while; nothing when it is not there. */
async function freeze(pids: (number | null)[], random: Random): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGSTOP');
  await wait(random.between(200, 2500));
  for (const pid of pids) signal(pid, 'SIGCONT');
}

async function restart(world: World, how: 'kill' | 'stop', random: Random, failpoint: Failpoint | null = null): Promise<void> {
  await world.stop(how);
  await wait(random.between(0, 400));
  await world.start(failpoint);
}

export const faults: Fault[] = [
  { name: 'kill-platform', fits: always, act: (world, random) => restart(world, 'kill', random) },
  { name: 'end-platform', fits: always, act: (world, random) => restart(world, 'stop', random) },
  { name: 'freeze-platform', fits: always, act: (world, random) => freeze([world.platformPid], random) },
  ...failpoints.map((point) => ({
    name: `end-at-${point}`,
    fits: always,
    act: (world: World, random: Random) => restart(world, 'kill', random, point),
  })),
  { name: 'kill-worker', fits: always, act: async (world) => void signal(world.workerPid, 'SIGKILL') },
  { name: 'freeze-worker', fits: always, act: (world, random) => freeze([world.workerPid], random) },
  {
    name: 'kill-job',
    fits: always,
    act: async (world, random) => {
      const pids = await untilJobs(world);
      if (pids.length > 0) signal(random.pick(pids), 'SIGKILL');
    },
  },
  { name: 'freeze-jobs', fits: always, act: async (world, random) => freeze(await untilJobs(world), random) },
  { name: 'kill-engine', fits: ({ kind }) => kind.engine === 'llama-cpp', act: async (world) => void signal(world.enginePid, 'SIGKILL') },
  {
    name: 'kill-database',
    fits: ({ postgres }) => postgres !== null,
    act: (world, random) => restartDatabase(world, 'SIGKILL', random),
  },
  {
    name: 'restart-database',
    fits: ({ postgres }) => postgres !== null,
    act: (world, random) => restartDatabase(world, 'SIGQUIT', random),
  },
  {
    name: 'fill-disk',
    fits: ({ hasOwnDisk }) => hasOwnDisk,
    act: async (world, random) => {
      world.fillDisk();
      await wait(random.between(200, 1500));
      world.freeDisk();
    },
  },
  {
    name: 'clock-jumps',
    fits: always,
    act: async (world, random) => {
      world.shiftClock(random.pick([3 * 24 * hour, -hour, 2 * hour, -30_000]));
      await wait(random.between(300, 1500));
    },
  },
];

/** A job that is there, waited for up to two seconds. */
async function untilJobs(world: World): Promise<number[]> {
  for (let tries = 0; tries < 20; tries++) {
    const pids = world.jobPids;
    if (pids.length > 0) return pids;
    await wait(100);
  }
  return [];
}

async function restartDatabase({ postgres }: World, how: 'SIGKILL' | 'SIGQUIT', random: Random): Promise<void> {
  await postgres!.stop(how);
  await wait(random.between(0, 1500));
  await postgres!.start();
}
