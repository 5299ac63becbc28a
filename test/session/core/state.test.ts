import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll } from '../../../src/kernel/codec/bytes.js';
import { clientId } from '../../../src/kernel/ids.js';
import { Snapshot } from '../../../src/ordering/core/client-table.js';
import { orderingLimits } from '../../../src/ordering/fields.js';
import { encodePages, readPage } from '../../../src/session/core/machine/page-codec.js';
import { pageSizeMax } from '../../../src/session/core/machine/pages.js';
import { stateLimits } from '../../../src/session/core/machine/settling.js';
import { StateTable } from '../../../src/session/core/machine/state-table.js';
import { SessionRig } from '../../support/session-rig.js';

const [alice, mallory] = [clientId('alice'), clientId('mallory')];

function copyOf(texts: StateTable): StateTable {
  const copy = new StateTable();
  copy.restore(encodePages(texts).map((bytes) => readAll(bytes, readPage)));
  return copy;
}

describe('a state', () => {
  it('is what was written, in its order, and its snapshot is the same wherever it goes on', () => {
    const owner = fc.constantFrom('alice', 'bob', 'carol').map(clientId);
    const key = fc.integer({ min: 0, max: 40 }).map((number) => `k${number}`);
    const value = fc.option(fc.integer({ min: 0, max: 200_000 }), { nil: null });
    const write = fc.tuple(owner, key, value);
    fc.assert(
      fc.property(fc.array(write, { maxLength: 80 }), fc.nat(80), (writes, cut) => {
        const [texts, plain] = [new StateTable(), new Map<string, string>()];
        let copy = new StateTable();
        for (const [index, [by, name, length]] of writes.entries()) {
          if (index === cut) copy = copyOf(texts);
          const text = length === null ? null : 'x'.repeat(length);
          for (const one of index >= cut ? [texts, copy] : [texts])
            one.write(by, new Map([[name, text]]));
          if (text === null) plain.delete(name);
          else plain.set(name, text);
        }
        const names = [...plain.keys()].sort();
        expect(texts.keys('')).toEqual(names);
        expect(texts.keys('k1')).toEqual(names.filter((one) => one.startsWith('k1')));
        for (const [name, text] of plain) expect(texts.get(name)).toBe(text);
        const owners = ['alice', 'bob', 'carol'].map(clientId);
        expect(owners.reduce((sum, one) => sum + texts.usedBy(one), 0)).toBe(texts.bytes);
        const { all } = texts.pages;
        for (const [index, page] of all.entries()) {
          expect(page.size <= pageSizeMax || page.keys.length === 1).toBe(true);
          const next = all[index + 1];
          if (next) expect(page.size + next.size).toBeGreaterThan(pageSizeMax);
        }
        if (cut >= writes.length) return;
        expect(encodePages(copy)).toEqual(encodePages(texts));
        expect(copy.bytes).toBe(texts.bytes);
      }),
      { numRuns: 40 },
    );
  });

  it('encodes anew only the pages that were written', () => {
    const texts = new StateTable();
    for (let index = 100; index < 400; index += 1) {
      texts.write(alice, new Map([[`k${index}`, 'x'.repeat(10_000)]]));
    }
    const before = encodePages(texts);
    texts.write(alice, new Map([['k200', 'y'.repeat(10_000)]]));
    const after = encodePages(texts);
    expect(after.length).toBe(before.length);
    expect(after.filter((page, index) => page !== before[index])).toHaveLength(1);
  });

  it('of the largest size fits into one snapshot, also where most pages hold little', () => {
    // Two neighbours are more than a page together, so the most pages are twice what the bytes fill.
    const pages = 2 * Math.ceil(stateLimits.bytes / pageSizeMax) + 1;
    const cutInTwo = stateLimits.bytes / orderingLimits.chunkBytes;
    expect(pages + cutInTwo).toBeLessThan(0.8 * orderingLimits.chunks);
    const page = new Uint8Array(pageSizeMax);
    expect(Snapshot.of(new Uint8Array(), [page]).manifest.chunks).toHaveLength(1);
  });

  it('lets the owner who writes pay: nobody fills another one’s share', () => {
    const texts = new StateTable();
    texts.write(alice, new Map([['a', 'x'.repeat(1000)]]));
    const paid = texts.usedBy(alice);
    texts.write(mallory, new Map([['a', 'x'.repeat(5000)]]));
    expect(texts.usedBy(alice)).toBe(paid);
    expect(texts.usedBy(mallory)).toBeGreaterThan(4000);
    texts.write(alice, new Map([['a', 'x'.repeat(500)]]));
    expect(texts.usedBy(alice)).toBe(0);
    expect(texts.usedBy(mallory)).toBeGreaterThan(500);
    texts.write(alice, new Map([['a', null]]));
    expect([texts.bytes, texts.usedBy(mallory)]).toEqual([0, 0]);
  });

  it('has an owner’s share that the simulation knows: the first answer says that it is full', () => {
    const rig = new SessionRig();
    const session = rig.parties.owner('mallory').begin('words');
    const share = stateLimits.bytes / stateLimits.ownersInFull;
    const each = 256 * 1024;
    rig.tamperOrdering = () => [];
    const answers = [];
    for (let first = 0; first < share / each; first += 32) {
      const calls = Array.from({ length: 32 }, (_, index) => `fill k${first + index} ${each}`);
      const answer = rig.run(0, session.call(...calls));
      if (answer?.kind === 'answer') answers.push(...answer.statuses);
    }
    const rejected = answers.filter(({ status }) => status.result.kind === 'rejected');
    expect(rejected.map(({ sequence }) => sequence)).toEqual([share / each]);
    const other = rig.parties.owner('alice').begin('words');
    expect(rig.run(0, other.call('put a 1'))).toMatchObject({
      statuses: [{ status: { result: { kind: 'done' } } }],
    });
    // What is dropped makes room for what comes after it, before anything is final.
    expect(rig.run(0, session.call('drop k3', 'put x 1'))).toMatchObject({
      statuses: [
        { status: { result: { kind: 'done' } } },
        { status: { result: { kind: 'done' } } },
      ],
    });
  });
});
