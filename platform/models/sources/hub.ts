/** A repository on a Hugging Face hub, or on anything that speaks like one. */
import { existsSync, statfsSync, statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PlatformError } from '#platform/core/errors.ts';
import { chooseFiles } from '../choose-files.ts';
import { downloadFile } from '../download-file.ts';
import { hubRequest, type HubAddress } from '../hub-request.ts';
import { defineSource, type PullProgress } from '../source.ts';

/** The answer of /api/models/{repo}/revision/{revision}?blobs=true, as far as it is needed. */
const Repository = z.object({
  sha: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/)
    .nullish(),
  siblings: z.array(
    z.object({ rfilename: z.string(), size: z.number().nullish(), lfs: z.object({ sha256: z.string().optional() }).nullish() }),
  ),
});

export const source = defineSource<'hub'>({
  async fetch({ repo, revision, gated }, folder, { hub, hubToken, onProgress }) {
    const address: HubAddress = { hub, hubToken, repo, gated };
    onProgress({ phase: 'download', message: `asking ${new URL(hub).host} for ${repo}`, done_bytes: null, total_bytes: null });
    const repository = await readRepository(address, revision);
    const siblings = new Map(repository.siblings.map((file) => [file.rfilename, file]));
    const { model, gguf } = chooseFiles(repo, [...siblings.keys()]);
    const names = gguf === null ? model : [gguf];
    const sizes = names.map((name) => siblings.get(name)!.size ?? null);
    const total = sizes.includes(null) ? null : sizes.reduce<number>((sum, size) => sum + size!, 0);
    await mkdir(join(folder, 'model.incoming'), { recursive: true });
    refuseIfFull(
      folder,
      repo,
      total,
      names.map((name) => join(folder, 'model.incoming', name)),
    );
    let before = 0;
    for (const name of names) {
      const report = (done: number) => onProgress(progressOf(name, before + done, total));
      // The commit, not the branch: what is listed is what is fetched, however long it takes.
      const url = `${hub}/${repo}/resolve/${encodeURIComponent(repository.sha ?? revision)}/${encodeURIComponent(name)}`;
      before += await downloadFile(address, url, join(folder, 'model.incoming', name), siblings.get(name)!.lfs?.sha256 ?? null, report);
    }
    await commit(folder, gguf);
  },
});

async function readRepository(address: HubAddress, revision: string): Promise<z.output<typeof Repository>> {
  const url = `${address.hub}/api/models/${address.repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const response = await hubRequest(address, url);
  const parsed = Repository.safeParse(await response.json().catch(() => null));
  if (parsed.success) return parsed.data;
  throw new PlatformError('source_unreachable', `${url} answers, but not as a Hugging Face hub does: check HF_ENDPOINT`);
}

function progressOf(name: string, done_bytes: number, total_bytes: number | null): PullProgress {
  return { phase: 'download', message: `downloading ${name}`, done_bytes, total_bytes };
}

/** Better refused now than after an hour: what is there of an earlier try counts. */
function refuseIfFull(folder: string, repo: string, total: number | null, paths: string[]): void {
  if (total === null) return;
  const there = paths
    .flatMap((path) => [path, `${path}.half`])
    .reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
  const disk = statfsSync(folder);
  const free = disk.bavail * disk.bsize;
  if (total - there <= free) return;
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new PlatformError(
    'disk_full',
    `${repo} needs ${gb(total - there)} more, and ${gb(free)} are free in ${folder}: nothing was fetched`,
  );
}

/** The folder gets the name that stands for "complete" by one rename. */
async function commit(folder: string, gguf: string | null): Promise<void> {
  const incoming = join(folder, 'model.incoming');
  if (gguf !== null) {
    await rename(join(incoming, gguf), join(folder, 'base.gguf'));
    return rm(incoming, { recursive: true });
  }
  await rm(join(folder, 'model'), { recursive: true, force: true });
  await rename(incoming, join(folder, 'model'));
}
