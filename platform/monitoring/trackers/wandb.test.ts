import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { projectRoot } from '#platform/config.ts';
import { openDriver } from '#platform/core/driver.ts';
import { TrackerRefused, type TrackedFigures, type TrackedPlace, type TrackedRun, type Tracker } from '../tracker.ts';
import { describeTracker, trackedTestRun, type KeptRun } from './conformance.ts';
import { trackers } from './index.ts';

const python = join(projectRoot, '.tools', 'wandb', 'bin', 'python');
const folder = mkdtempSync(join(tmpdir(), 'tracker-wandb-'));
const open = (settings: object = {}): Promise<Tracker> =>
  openDriver<Tracker>(trackers, { driver: 'wandb', python, root: projectRoot, folder, project: 'tuneloop', mode: 'offline', ...settings });
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

describeTracker('wandb, offline', { open, read, keepsFiles: true });

it('says how to get its package where it is missing', async () => {
  await expect(open({ python: '/bin/false' })).rejects.toMatchObject({
    code: 'setting_invalid',
    message: expect.stringContaining('npm run setup -- --wandb') as string,
  });
});

it('is one folder of a run, whole, though the platform was killed twice while it went on', async () => {
  const run = trackedTestRun('ftjob-killed');
  const figures = (seq: number): TrackedFigures => ({ seq, step: seq, at: new Date(0), values: { 'train/loss': 1 / seq } });
  for (const seq of [1, 2]) {
    const tracker = await open();
    const place = await tracker.begin(run, null, AbortSignal.timeout(30_000));
    await tracker.log(run, place, [figures(seq)], AbortSignal.timeout(30_000));
    // A question that is given up ends the process behind the tracker, at once and whatever it is at.
    const impatience = new AbortController();
    const asked = tracker.log(run, place, [figures(seq)], impatience.signal);
    impatience.abort();
    await expect(asked).rejects.toThrow();
  }
  const tracker = await open();
  const place = await tracker.begin(run, null, AbortSignal.timeout(30_000));
  await tracker.end(run, place, { state: 'succeeded', at: new Date(0), model: null, artifact: null }, AbortSignal.timeout(30_000));
  await tracker.close();
  expect(readdirSync(join(folder, 'wandb')).filter((name) => name.endsWith(run.id))).toHaveLength(1);
  expect((await read(run, place)).figures['train/loss']).toEqual({ 1: 1, 2: 1 / 2 });
}, 90_000);

it('is told again later when its server is down, and holds up nobody meanwhile', async () => {
  const tracker = await open({ mode: 'online', key: 'a'.repeat(40), base_url: 'http://127.0.0.1:1' });
  const failure = await tracker.begin(trackedTestRun('ftjob-down'), null, AbortSignal.timeout(5000)).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(failure).not.toBeInstanceOf(TrackerRefused);
  await tracker.close();
}, 60_000);

/** What `wandb sync` would send: records of wandb's own protocol in the blocks of a LevelDB log. */
const reader = `
import glob, json, struct, sys
from wandb.proto import wandb_internal_pb2 as pb
kept = {"name": None, "parameters": {}, "figures": {}, "state": "running", "model": None, "adapter": None}
def records(path):
    content = open(path, "rb").read()
    at, part = 7, b""
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        if kind == 0:
            return
        part += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield pb.Record.FromString(part)
            part = b""
for path in sorted(glob.glob(sys.argv[1] + "/wandb/offline-run-*-" + sys.argv[2] + "/*.wandb")):
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            kept["name"] = record.run.display_name
            kept["parameters"].update({item.key: json.loads(item.value_json) for item in record.run.config.update})
        elif kind == "history":
            row = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            for name, value in row.items():
                if "/" in name:
                    kept["figures"].setdefault(name, {})[row["step"]] = value
        elif kind == "summary":
            said = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.summary.update}
            kept["state"], kept["model"] = said.get("state", kept["state"]), said.get("model", kept["model"])
        elif kind == "artifact":
            files = {entry.path: entry.local_path for entry in record.artifact.manifest.contents}
            kept["adapter"] = open(files["adapter_model.safetensors"]).read()
kept["parameters"].pop("_wandb", None)
print(json.dumps(kept))
`;

async function read(run: TrackedRun, _place: TrackedPlace): Promise<KeptRun> {
  const { stdout } = await promisify(execFile)(python, ['-c', reader, folder, run.id]);
  return JSON.parse(stdout) as KeptRun;
}
