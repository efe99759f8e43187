/** Reads a stream of server-sent events. */

export interface ServerEvent {
  /** `message` when the server gives none. */
  event: string;
  /** Last id sent so far, which a client that comes back names. */
  id: string | null;
  data: string;
}

/** The events of a body; comments (`: keep-alive`) are passed over, and a last event without its empty line is dropped, as the standard says. */
export async function* readServerEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void> {
  let rest = '';
  let id: string | null = null;
  for await (const text of body.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)) {
    const blocks = (rest + text).replaceAll('\r\n', '\n').split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => /^([^:]*):? ?(.*)$/s.exec(line)!);
      const valuesOf = (name: string): string[] => fields.filter((field) => field[1] === name).map((field) => field[2]!);
      id = valuesOf('id').at(-1) ?? id;
      const data = valuesOf('data');
      if (data.length > 0) yield { event: valuesOf('event').at(-1) ?? 'message', id, data: data.join('\n') };
    }
  }
}
