/** One import and one check in a process of its own, whose peak memory is then theirs: `node bench/data-import.ts FOLDER FILE [check]`. */
import { join } from 'node:path';
import { DataCheckRequest } from '../contract/datasets.ts';
import { openDriver } from '../platform/core/driver.ts';
import { checkVersion } from '../platform/data/check-quality.ts';
import { importPath } from '../platform/data/import-dataset.ts';
import { openDatabase } from '../platform/storage/database.ts';
import { driver } from '../platform/storage/object-stores/disk.ts';

const [folder, file, checks] = process.argv.slice(2) as [string, string, string?];
const database = await openDatabase({ database: '', data: folder });
const objects = await openDriver({ disk: async () => ({ driver }) }, { driver: 'disk', folder: join(folder, 'objects') });
const files = { db: database.db, objects, maxUploadBytes: Infinity };
/** Of the processor, which a busy machine does not stretch. */
const seconds = async <Value>(work: () => Promise<Value>): Promise<[Value, number]> => {
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return [value, (user + system) / 1e6];
};
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

const before = peakBytes();
const [version, importSeconds] = await seconds(() => importPath(files, 'proj_default', file, { filename: file }, { name: 'bench' }));
const afterImport = peakBytes();
const [, checkSeconds] = checks ? await seconds(() => checkVersion(files, version, DataCheckRequest.parse({}), null)) : [null, null];
const { rows, bytes } = version;
console.log(JSON.stringify({ rows, bytes, before, importSeconds, afterImport, checkSeconds, afterCheck: peakBytes() }));
await database.close();
