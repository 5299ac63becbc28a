import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { CompletionStatus } from '../../../src/service/participant/synchronization.js';
import { synchronized } from '../../../src/service/participant/synchronization.js';
import { Table } from '../../../src/service/participant/table.js';
import { NotedResource, ref } from './runner-rig.js';

const [one, two] = [ref(1), ref(2)];

describe('a synchronized resource', () => {
  it('is flushed into before it votes, and the cache receives how each call ended', async () => {
    const ends: CompletionStatus[] = [];
    const table = new Table({ seats: 9 });
    let seats: number | undefined = 8;
    const resource = synchronized(table, {
      beforeCompletion: async (_, work) => {
        if (seats !== undefined) await work.set('seats', seats);
      },
      afterCompletion: (_, status) => void ends.push(status),
    });
    await resource.start({ prepared: [], records: [] });
    await resource.begin(one);
    expect(await resource.prepare(one)).toMatchObject({ vote: 'prepared' });
    await resource.commit(one);
    expect(table.peek('seats')).toBe(8);
    await resource.begin(two);
    await resource.rollBack(two);
    seats = undefined;
    await resource.begin(one);
    expect(await resource.prepare(one)).toEqual({ vote: 'readOnly' });
    await resource.rollBack(one);
    expect(ends).toEqual(['committed', 'aborted', 'readOnly']);
  });

  it('does not vote for what could not be flushed; of an earlier run the cache receives nothing', async () => {
    const ends: CompletionStatus[] = [];
    const noted = new NotedResource();
    const resource = synchronized(noted, {
      beforeCompletion: () => Promise.reject(new Error('full')),
      afterCompletion: (_, status) => void ends.push(status),
    });
    await resource.start({ prepared: [{ ref: two, record: Uint8Array.of(1) }], records: [] });
    await resource.begin(one);
    await expect(resource.prepare(one)).rejects.toThrow('full');
    await resource.rollBack(one);
    await resource.commit(two);
    await resource.close();
    expect(noted.asked).toEqual(['start', 'begin 1', 'rollBack 1', 'commit 2', 'close']);
    expect(ends).toEqual(['aborted']);
  });

  it.each([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
  ])('gives the writes of a commit once, also where the cache %s afterwards', async (_, hook) => {
    const errors: unknown[] = [];
    const resource = synchronized(new Table({ seats: 9 }), {
      beforeCompletion: (_, work) => work.set('seats', 8),
      afterCompletion: hook,
      onError: (of, error) => errors.push([of, String(error)]),
    });
    await resource.start({ prepared: [], records: [] });
    await resource.begin(one);
    await resource.prepare(one);
    expect(await resource.commit(one)).toMatchObject([{ key: 'row/seats' }]);
    await resource.begin(two);
    await resource.rollBack(two);
    expect(errors).toEqual([one, two].map((of) => [of, 'Error: the cache is gone']));
  });

  it('warns of what nothing else takes', async () => {
    const warned = once(process, 'warning');
    const resource = synchronized(new Table(), {
      beforeCompletion: async () => {},
      afterCompletion: () => fail(),
      onError: () => fail(),
    });
    await resource.begin(one);
    await resource.rollBack(one);
    expect(String(await warned)).toContain('the cache is gone');
  });
});

function fail(): never {
  throw new Error('the cache is gone');
}
