import { describe, expect, it } from 'vitest';
import { readServerEvents, type ServerEvent } from './server-events.ts';

describe('server-sent events', () => {
  const wire =
    'retry: 3000\n\n: keep-alive\n\nid: 1\ndata: {"a":1}\n\nevent: note\nid: 2\ndata: two\ndata: lines\n\r\ndata: Grüße ☕\r\n\r\ndata: cut off';

  it('are read the same however the bytes are cut', async () => {
    const bytes = new TextEncoder().encode(wire);
    const whole = await read([bytes]);
    expect(whole).toEqual([
      { event: 'message', id: '1', data: '{"a":1}' },
      { event: 'note', id: '2', data: 'two\nlines' },
      { event: 'message', id: '2', data: 'Grüße ☕' },
    ]);
    for (let at = 1; at < bytes.length; at++) expect(await read([bytes.slice(0, at), bytes.slice(at)])).toEqual(whole);
  });
});

async function read(chunks: Uint8Array[]): Promise<ServerEvent[]> {
  return Array.fromAsync(readServerEvents(ReadableStream.from(chunks) as ReadableStream<Uint8Array>));
}
