import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ChannelQueues,
  encodeFrame,
  type Frame,
  FrameDecoder,
  FrameQueue,
  maxMessageBytes,
  peerChannels,
  peerFraming,
} from '../../../src/kernel/links/frames.js';

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
    const frame = fc.record({
      channel: fc.constantFrom(...peerChannels),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(frame), sizes, (frames, chunks) => {
        const decoder = new FrameDecoder(peerFraming);
        const found: Frame[] = [];
        const stream = frames.map(({ channel, bytes }) => encodeFrame(channel, bytes));
        for (const chunk of cut(Buffer.concat(stream), chunks)) {
          found.push(...decoder.push(chunk));
        }
        expect(found).toEqual(frames);
      }),
    );
  });

  it('gives frames that do not share memory with the chunk', () => {
    const chunk = Buffer.concat([encodeFrame('ordering', Uint8Array.of(1)), Buffer.alloc(10_000)]);
    const [value] = new FrameDecoder(peerFraming).push(chunk);
    expect(value?.bytes.buffer.byteLength).toBe(1);
  });

  it.each([0, 1, maxMessageBytes + 2, 0xffffffff])('refuses a length of %i', (length) => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(length);
    expect(() => [...new FrameDecoder(peerFraming).push(prefix)]).toThrow(/frame of/);
  });

  it.each([3, 255])('refuses the channel %i before the message has come', (channel) => {
    const prefix = Buffer.from([0, 0, 1, 0, channel]);
    expect(() => [...new FrameDecoder(peerFraming).push(prefix)]).toThrow(`no channel ${channel}`);
  });

  it('takes the longest message in small pieces', () => {
    const frame = encodeFrame('sessions', new Uint8Array(maxMessageBytes).fill(7));
    const decoder = new FrameDecoder(peerFraming);
    const found = [...cut(frame, [65_536])].flatMap((chunk) => [...decoder.push(chunk)]);
    expect(found.map(({ bytes }) => bytes.length)).toEqual([maxMessageBytes]);
  });
});

describe('encodeFrame', () => {
  it('refuses what the other end would refuse', () => {
    expect(() => encodeFrame('agreement', new Uint8Array(0))).toThrow(RangeError);
    const long = new Uint8Array(maxMessageBytes + 1);
    expect(() => encodeFrame('agreement', long)).toThrow(RangeError);
  });
});

describe('ChannelQueues', () => {
  it('lets channels take turns, and keeps the order of each', () => {
    const queues = new ChannelQueues();
    for (const text of ['a', 'b', 'c']) queues.push('ordering', Buffer.from(text));
    queues.push('agreement', Buffer.from('first'));
    queues.push('sessions', Buffer.from('x'));
    const taken = [
      ...(function* () {
        for (let frame = queues.shift(); frame; frame = queues.shift()) yield frame.toString();
      })(),
    ];
    expect(taken).toEqual(['first', 'a', 'x', 'b', 'c']);
    expect(queues.length).toBe(0);
  });

  it('drops nothing of one channel for the load of another', () => {
    const queues = new ChannelQueues();
    queues.push('agreement', Buffer.from('vote'));
    for (let i = 0; i < 5000; i += 1) queues.push('ordering', Buffer.from(`${i}`));
    expect(queues.dropped).toBe(904);
    expect(queues.shift()?.toString()).toBe('vote');
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
