import { describe, expect, it } from 'vitest';
import type { StoredRecord } from '../../../src/kernel/core.js';
import { enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import type { Json } from '../../../src/service/json.js';
import {
  Table,
  type TableWork,
  tableBytesOfCallMax,
  tableKeysOfCallMax,
  tableRowsMax,
  tableValueBytesMax,
} from '../../../src/service/participant/table.js';
import type {
  ApplicationWrite,
  EnlistmentRef,
} from '../../../src/transaction/participant/messages.js';

const ref = (number: number): EnlistmentRef => ({
  tid: transactionId(`00000000-0000-8000-8000-${String(number).padStart(12, '0')}`),
  enlistment: enlistmentId(`hotel.${number}`),
});
const [one, two, three] = [ref(1), ref(2), ref(3)];
const nothing = { prepared: [], records: [] };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function started(initial: Record<string, Json> = {}, left = nothing): Promise<Table> {
  const table = new Table(initial);
  await table.start(left);
  return table;
}

function recordsOf(writes: readonly ApplicationWrite[]): StoredRecord[] {
  return writes.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }]));
}

async function prepared(table: Table, of: EnlistmentRef): Promise<Uint8Array> {
  const vote = await table.prepare(of);
  if (vote.vote !== 'prepared') throw new Error(vote.vote);
  return vote.record;
}

async function isFree(table: Table, key: string): Promise<boolean> {
  let has = false;
  const probe = ref(999);
  const work = await table.begin(probe);
  work.get(key).then(
    () => {
      has = true;
    },
    () => undefined,
  );
  await turn();
  await table.rollBack(probe);
  return has;
}

describe('a table', () => {
  it('shows a call its own writes, and others only what is committed', async () => {
    const table = await started({ free: 12 });
    const work = await table.begin(one);
    expect(await work.get('free')).toBe(12);
    await work.set('free', 11);
    await work.delete('gone');
    expect(await work.get('free')).toBe(11);
    expect(table.peek('free')).toBe(12);
    await prepared(table, one);
    expect(table.peek('free')).toBe(12);
    await table.commit(one);
    expect(table.peek('free')).toBe(11);
    expect(await table.commit(one), 'asked again').toEqual([]);
  });

  it('votes readOnly where nothing is written, aborted where nothing was begun', async () => {
    const table = await started({ free: 12 });
    await (await table.begin(one)).get('free');
    expect(await table.prepare(one)).toEqual({ vote: 'readOnly' });
    expect(await table.prepare(two)).toEqual({ vote: 'aborted' });
    await table.rollBack(two);
  });

  it('takes nothing for a handler that goes on after its call is over', async () => {
    const table = await started({ free: 12 });
    const work = await table.begin(one);
    await work.set('free', 11);
    await table.rollBack(one);
    await expect(work.get('free')).rejects.toThrow('over');
    await expect(work.get('other')).rejects.toThrow('over');
    await expect(work.set('other', 1)).rejects.toThrow('over');
    await expect(work.delete('free')).rejects.toThrow('over');
    for (const key of ['free', 'other']) expect(await isFree(table, key), key).toBe(true);
    expect([table.peek('free'), table.peek('other')]).toEqual([12, undefined]);
  });

  it('takes nothing for a call that waited while it ended', async () => {
    const table = await started();
    await (await table.begin(one)).set('k', 1);
    const late = (await table.begin(two)).set('k', 2);
    await table.rollBack(two);
    await expect(late).rejects.toThrow('given up');
    await prepared(table, one);
    await table.commit(one);
    expect(table.peek('k')).toBe(1);
    expect(await isFree(table, 'k')).toBe(true);
  });

  it('changes nothing that is prepared, and frees what was asked for too late with the rest', async () => {
    const table = await started();
    const work = await table.begin(one);
    await work.set('k', 1);
    await prepared(table, one);
    await expect(work.set('k', 2)).rejects.toThrow('over');
    await expect(work.get('late')).rejects.toThrow('over');
    expect(await isFree(table, 'late')).toBe(true);
    await table.commit(one);
    expect(table.peek('k')).toBe(1);
  });

  it('gives a call a key that it asks for twice at once', async () => {
    const table = await started({ k: 1 });
    await (await table.begin(one)).set('k', 2);
    const work = await table.begin(two);
    const both = Promise.all([work.get('k'), work.get('k')]);
    await turn();
    await prepared(table, one);
    await table.commit(one);
    expect(await both).toEqual([2, 2]);
  });

  it('ends a deadlock as soon as one of its calls is over', async () => {
    const table = await started();
    const [a, b] = [await table.begin(one), await table.begin(two)];
    await a.set('x', 'a');
    await b.set('y', 'b');
    const crossed = [a.set('y', 'a'), b.set('x', 'b')];
    await turn();
    await table.rollBack(one);
    expect((await Promise.allSettled(crossed)).map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
    ]);
    await prepared(table, two);
    await table.commit(two);
    expect([table.peek('x'), table.peek('y')]).toEqual(['b', 'b']);
  });

  it('takes only whole texts for keys, whatever a client has sent', async () => {
    const table = await started({ free: 12 });
    const work = await table.begin(one);
    const odd: unknown[] = [['free'], { length: 1 }, 7, null, undefined, '\ud800', 'a\udc00'];
    for (const key of odd) {
      await expect(work.set(key as string, 1), String(key)).rejects.toThrow(RangeError);
      await expect(work.get(key as string), String(key)).rejects.toThrow(RangeError);
    }
    await expect(work.get('k'.repeat(201))).rejects.toThrow(RangeError);
    for (const key of ['', '__proto__', 'a/b', '\u0000', '😀', 'k'.repeat(200)])
      await work.set(key, key);
    const record = await prepared(table, one);
    const again = await started({}, { prepared: [{ ref: one, record }] as never, records: [] });
    const writes = await again.commit(one);
    const third = await started({}, { prepared: [], records: recordsOf(writes) as never });
    for (const key of ['', '__proto__', 'a/b', '\u0000', '😀', 'k'.repeat(200)]) {
      expect(third.peek(key)).toBe(key);
    }
  });

  it('bounds the keys of one call, also of those asked for at once', async () => {
    const table = await started();
    const work = await table.begin(one);
    const asked = Array.from({ length: tableKeysOfCallMax + 3 }, (_, at) => work.get(`k${at}`));
    const refused = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(3);
    for (const answer of refused) {
      expect(answer).toMatchObject({ reason: { data: { reason: 'TooManyKeys' } } });
    }
    expect(await work.get('k0'), 'one that it has').toBeUndefined();
  });

  it('bounds a value, and what one call writes', async () => {
    const table = await started();
    const work = await table.begin(one);
    const largest = 'a'.repeat(tableValueBytesMax - 2);
    await work.set('k', largest);
    await expect(work.set('k', `${largest}a`)).rejects.toThrow(RangeError);
    const writes = Math.floor(tableBytesOfCallMax / (tableValueBytesMax + 3));
    for (let at = 1; at < writes; at += 1) await work.set(`k${at}`, largest);
    await expect(work.set('last', largest)).rejects.toMatchObject({
      data: { reason: 'TooManyBytes' },
    });
  });

  it('that is full takes changes and deletions, and counts what others have prepared', async () => {
    const rows = Object.fromEntries(
      Array.from({ length: tableRowsMax - 1 }, (_, at) => [`k${at}`, 0]),
    );
    const table = await started(rows);
    const add = async (of: EnlistmentRef, key: string) => {
      await (await table.begin(of)).set(key, 1);
      return (await table.prepare(of)).vote;
    };
    expect(await add(one, 'new')).toBe('prepared');
    expect(await add(two, 'newer')).toBe('aborted');
    await table.rollBack(two);
    const change = await table.begin(three);
    await change.set('k0', 1);
    await change.delete('k1');
    expect((await table.prepare(three)).vote).toBe('prepared');
    await table.commit(one);
    await table.commit(three);
    expect(await add(ref(4), 'newer')).toBe('prepared');
    await table.rollBack(ref(4));
    expect(await add(ref(5), 'newest'), 'a place that was given up').toBe('prepared');
  });

  it('remembers that a row was deleted only where it would come back', async () => {
    const table = await started({ initial: 1 });
    const add = await table.begin(one);
    await add.set('own', 1);
    await prepared(table, one);
    await table.commit(one);
    const drop = await table.begin(two);
    await drop.delete('own');
    await drop.delete('initial');
    await prepared(table, two);
    const writes = await table.commit(two);
    expect(writes).toMatchObject([
      { key: 'row/own', value: null },
      { key: 'row/initial', value: new TextEncoder().encode('null') },
    ]);
    const again = await started(
      { initial: 1 },
      { prepared: [], records: recordsOf(writes) as never },
    );
    expect(again.peek('initial')).toBeUndefined();
  });

  it('started again gives up all that is not on record, also in the same process', async () => {
    const table = await started({ free: 12 });
    const lost = await table.begin(one);
    await lost.set('free', 1);
    await (await table.begin(two)).set('kept', 2);
    const record = await prepared(table, two);
    const waiting = (await table.begin(three)).get('free');
    await Promise.all([
      expect(waiting).rejects.toThrow('given up'),
      table.start({ prepared: [{ ref: two, record }], records: [] }),
    ]);
    await expect(lost.set('free', 1)).rejects.toThrow('over');
    expect(await isFree(table, 'free')).toBe(true);
    expect(await isFree(table, 'kept')).toBe(false);
    await table.commit(two);
    expect([table.peek('free'), table.peek('kept')]).toEqual([12, 2]);
  });

  it('does not start with a record that is damaged, nor with two that hold the same key', async () => {
    const table = await started();
    await (await table.begin(one)).set('k', 1);
    const record = await prepared(table, one);
    const start = (left: object) => new Table().start({ ...nothing, ...left });
    const damaged = new TextEncoder().encode('{"locked":');
    await expect(start({ prepared: [{ ref: one, record: damaged }] })).rejects.toThrow(RangeError);
    await expect(
      start({ prepared: [one, two].map((of) => ({ ref: of, record })) }),
    ).rejects.toThrow('locked twice');
    for (const text of ['7', '{}', '[', '']) {
      const records = [{ key: 'row/k', value: new TextEncoder().encode(text) }];
      await expect(start({ records }), text).rejects.toThrow(RangeError);
    }
    const others = [{ key: 'else/k', value: damaged }];
    await start({ records: others });
  });

  it('is closed with all that waits for it', async () => {
    const table = await started();
    await (await table.begin(one)).set('k', 1);
    const work: TableWork = await table.begin(two);
    const waiting = work.get('k');
    await Promise.all([expect(waiting).rejects.toThrow('given up'), table.close()]);
  });
});
