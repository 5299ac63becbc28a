import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ServerEvent, serverEvents } from '../../../src/session/client/session-node.js';

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function read(chunks: readonly (string | Uint8Array)[]): Promise<ServerEvent[]> {
  const bytes = chunks.map((chunk) => new Uint8Array(Buffer.from(chunk)));
  const events: ServerEvent[] = [];
  for await (const event of serverEvents(streamOf(bytes))) events.push(event);
  return events;
}

describe('serverEvents', () => {
  it('reads fields, comments, ids that last, and data of several lines', async () => {
    const text =
      'retry: 1000\n\n:\n\nevent: operation\nid: 3\ndata: {"a":1}\n\ndata:two\ndata: lines\n\nid\ndata\n\n';
    expect(await read([text])).toEqual([
      { name: 'operation', id: '3', data: '{"a":1}' },
      { name: 'message', id: '3', data: 'two\nlines' },
      { name: 'message', id: '', data: '' },
    ]);
  });

  it('reads the same however the stream is cut, and with any line ends', async () => {
    const text = 'event: a\ndata: é1\n\nevent: b\ndata: 2\n\n';
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        async (end, sizes) => {
          const bytes = Buffer.from(`${text.replaceAll('\n', end)}data: last, not ended`);
          const chunks: Uint8Array[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          expect(await read(chunks)).toEqual([
            { name: 'a', id: '', data: 'é1' },
            { name: 'b', id: '', data: '2' },
          ]);
        },
      ),
    );
  });

  it('holds no event without end', async () => {
    const line = `data: ${'x'.repeat(60_000)}\n`;
    await expect(read(Array.from({ length: 20 }, () => line))).rejects.toThrow(RangeError);
    await expect(read(['x'.repeat(1_100_000)])).rejects.toThrow(RangeError);
  });
});
