/** A file on its way over connections that break: nothing of it is seen before it is whole, and what has arrived is not sent again. */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Upload, UploadPart } from '#contract/openai/uploads.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, until, type TestServer } from './test-server.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
});
afterAll(() => test.close());

/** Sends a form whose connection is cut after so many bytes of its body; all of it and the answer are awaited when `cutAt` is null. */
async function sendForm(path: string, name: string, data: Buffer, cutAt: number | null): Promise<void> {
  const head = `--edge\r\ncontent-disposition: form-data; name="${name}"; filename="rows.jsonl"\r\n\r\n`;
  const purpose = '\r\n--edge\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--edge--\r\n';
  const body = Buffer.concat([Buffer.from(head), data, Buffer.from(purpose)]);
  const { hostname, port } = new URL(test.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const fields = [
    `authorization: Bearer ${test.key}`,
    'content-type: multipart/form-data; boundary=edge',
    `content-length: ${body.length}`,
  ];
  socket.write(`POST ${path} HTTP/1.1\r\nhost: here\r\n${fields.join('\r\n')}\r\n\r\n`);
  await new Promise((resolve) => socket.write(body.subarray(0, cutAt ?? body.length), resolve));
  if (cutAt === null) await once(socket, 'data');
  socket.destroy();
}

const waiting = (): string[] => readdirSync(join(test.app.config.data, 'uploads'));
const list = async (): Promise<unknown[]> => ((await (await test.call('/v1/files')).json()) as { data: unknown[] }).data;
const bytesToCutAt = (length: number): number[] => Array.from({ length: 20 }, (_, index) => Math.floor((index * (length + 300)) / 20));

it('a file whose connection breaks at any byte is not there, and leaves no bytes', async () => {
  const data = randomBytes(200_000);
  for (const cutAt of bytesToCutAt(data.length)) await sendForm('/v1/files', 'file', data, cutAt);
  await until(() => waiting().length === 0, 'the broken uploads are cleared away');
  expect(await list()).toEqual([]);
  await sendForm('/v1/files', 'file', data, null);
  expect(await list()).toHaveLength(1);
});

it('an upload goes on after breaks at any byte of any part, and is a file once its hash is right', async () => {
  const data = randomBytes(400_000);
  const before = await list();
  const begin = { filename: 'rows.jsonl', purpose: 'fine-tune', bytes: data.length, mime_type: 'text/jsonl' };
  const { id } = (await (await test.call('/v1/uploads', { body: begin })).json()) as Upload;
  const path = `/v1/uploads/${id}/parts`;
  const parts: string[] = [];
  for (let at = 0; at < data.length; at += 100_000) {
    const piece = data.subarray(at, at + 100_000);
    for (const cutAt of bytesToCutAt(piece.length).slice(0, 5)) await sendForm(path, 'data', piece, cutAt);
    const form = new FormData();
    form.set('data', new Blob([new Uint8Array(piece)]));
    const answer = await fetch(test.url + path, { method: 'POST', body: form, headers: { authorization: `Bearer ${test.key}` } });
    parts.push(((await answer.json()) as UploadPart).id);
  }
  await until(() => waiting().length === 0, 'the broken parts are cleared away');
  expect(await list()).toEqual(before);
  const complete = (md5: string) => test.call(`/v1/uploads/${id}/complete`, { body: { part_ids: parts, md5 } });
  expect((await complete('0'.repeat(32))).status).toBe(400);
  expect(await list()).toEqual(before);
  const done = (await (await complete(createHash('md5').update(data).digest('hex'))).json()) as Upload;
  expect(done).toMatchObject({ status: 'completed', file: { bytes: data.length } });
  const stored = Buffer.from(await (await test.call(`/v1/files/${done.file!.id}/content`)).arrayBuffer());
  expect(stored.equals(data)).toBe(true);
});
