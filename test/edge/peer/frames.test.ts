import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameQueue } from '../../../src/edge/peer/frame-queue.js';
import { encodeFrame, FrameDecoder, maxFrameBytes } from '../../../src/edge/peer/frames.js';

/** Cuts bytes into chunks of the given sizes, over and over. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe('FrameDecoder', () => {
  it('finds the frames however the stream is cut', () => {
    const frame = fc.uint8Array({ minLength: 1, maxLength: 300 });
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(frame), sizes, (frames, chunks) => {
        const decoder = new FrameDecoder();
        const found: Uint8Array[] = [];
        for (const chunk of cut(Buffer.concat(frames.map(encodeFrame)), chunks)) {
          found.push(...decoder.push(chunk));
        }
        expect(found).toEqual(frames);
      }),
    );
  });

  it('gives frames that do not share memory with the chunk', () => {
    const chunk = Buffer.concat([encodeFrame(Uint8Array.of(1)), Buffer.alloc(10_000)]);
    const { value } = new FrameDecoder().push(chunk).next();
    expect(value?.buffer.byteLength).toBe(1);
  });

  it.each([0, maxFrameBytes + 1, 0xffffffff])('refuses a length of %i', (length) => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(length);
    expect(() => [...new FrameDecoder().push(prefix)]).toThrow(/frame of/);
  });

  it('takes the longest frame in small pieces', () => {
    const frame = encodeFrame(new Uint8Array(maxFrameBytes).fill(7));
    const decoder = new FrameDecoder();
    const found = [...cut(frame, [65_536])].flatMap((chunk) => [...decoder.push(chunk)]);
    expect(found.map(({ length }) => length)).toEqual([maxFrameBytes]);
  });
});

describe('encodeFrame', () => {
  it('refuses what the other end would refuse', () => {
    expect(() => encodeFrame(new Uint8Array(0))).toThrow(RangeError);
    expect(() => encodeFrame(new Uint8Array(maxFrameBytes + 1))).toThrow(RangeError);
  });
});

describe('FrameQueue', () => {
  it('drops the oldest of too many, and counts them', () => {
    const queue = new FrameQueue();
    for (let i = 0; i < 5000; i += 1) queue.push(Buffer.from(`${i}`));
    expect(queue.length).toBe(4096);
    expect(queue.dropped).toBe(904);
    expect(queue.shift()?.toString()).toBe('904');
  });

  it('drops the oldest of too large ones', () => {
    const queue = new FrameQueue();
    const size = 10 * 1024 * 1024;
    for (let i = 0; i < 5; i += 1) queue.push(Buffer.alloc(size, i));
    expect(queue.length).toBe(3);
    expect(queue.shift()?.at(0)).toBe(2);
  });
});
