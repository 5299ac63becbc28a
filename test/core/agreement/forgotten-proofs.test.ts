import { describe, expect, it } from 'vitest';
import { ForgottenProofs } from '../../../src/core/agreement/forgotten-proofs.js';
import type { StoredRecord } from '../../../src/core/effects.js';
import { type SlotKey, slotKey } from '../../../src/vocabulary/agreement.js';
import { Story } from '../../support/banking-story.js';
import { Rig } from '../../support/rig.js';

const behind = [2, 3];

describe('a transaction that is forgotten at once', () => {
  for (const restarts of [false, true]) {
    it(`is shown to others that lack votes${restarts ? ', after a restart' : ''}`, () => {
      const rig = new Rig({ retainedTransactions: 0, shownTransactions: 1 });
      const story = new Story(rig);
      const tid = story.activate(1);
      // Replica 1 lies, and what replica 0 sends is lost: no other gets to a quorum of commits.
      rig.tamper = (from, to, message) => {
        const isCommit = message.kind === 'phase' && message.signed.statement.phase === 'commit';
        const isOutcome = isCommit && message.signed.statement.slot.kind === 'outcome';
        return isOutcome && from < 2 && to !== 0 ? [] : [message];
      };
      story.register(tid, 'bank-a');
      story.complete(tid, 'rollback');
      const hasForgotten = (one: number) => rig.stores[one]?.has(`forgotten/o:${tid}`) === true;
      rig.runUntil(() => hasForgotten(0));
      rig.runUntil(() => behind.every((one) => rig.stores[one]?.has(`lock/o:${tid}`)));
      rig.crash(1);
      if (restarts) {
        rig.crash(0);
        rig.start(0);
        expect(rig.core(0).status.transactions).toBe(0);
      }
      rig.runUntil(() => behind.every(hasForgotten), 10_000);
    });
  }

  it('is shown no more once so many others were forgotten', () => {
    const rig = new Rig({ retainedTransactions: 0, shownTransactions: 2 });
    const story = new Story(rig);
    const tids = [1, 2, 3].map((timestamp) => {
      const tid = story.activate(timestamp);
      story.complete(tid, 'rollback');
      rig.runUntil(() => rig.stores.every((store) => store.has(`forgotten/o:${tid}`)));
      return tid;
    });
    for (const store of rig.stores) {
      const shown = tids.filter((tid) => store.has(`decided/o:${tid}`));
      expect(shown).toEqual(tids.slice(1));
      expect([...store.keys()].filter((key) => key.startsWith('decided/a:'))).toHaveLength(2);
    }
  });
});

describe('a vote for an activation that has fallen below the floor', () => {
  it('is kept while the replica asks for the decision, and the proof is taken', () => {
    const rig = new Rig({ retainedTransactions: 0 });
    const story = new Story(rig);
    let first: string | undefined;
    let isWithheld = true;
    rig.tamper = (_from, to, message) => {
      const slot = message.kind === 'phase' ? slotKey(message.signed.statement.slot) : undefined;
      first ??= slot;
      const isCommit = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      const decides = isCommit ? slot === first : message.kind === 'decided';
      return isWithheld && to === 1 && decides ? [] : [message];
    };
    story.ask(1);
    rig.runUntil(() => rig.stores[1]?.has(`lock/${first}`) === true);
    story.transfer(2);
    rig.runUntil(() => rig.stores[1]?.has('floor/alice') === true);
    rig.runFor(5000);
    expect(rig.stores[1]?.has(`lock/${first}`)).toBe(true);
    isWithheld = false;
    rig.runUntil(() => rig.stores[1]?.has(`decided/${first}`) === true, 30_000);
    expect(rig.core(1).status).toMatchObject({ openSlots: 0, transactions: 1 });
  });
});

describe('forgotten proofs', () => {
  const key = (index: number): SlotKey => `o:${index}` as SlotKey;

  it('are dropped in the order in which they were forgotten, also after a restart', () => {
    const store = new Map<string, Uint8Array>();
    const persist = (name: string, value: Uint8Array | null) => {
      if (value) store.set(name, value);
      else store.delete(name);
    };
    const before = new ForgottenProofs(6, persist);
    for (let index = 0; index < 12; index += 1) before.add(key(11 - index));
    const proofs = new ForgottenProofs(6, persist);
    const records: StoredRecord[] = [...store]
      .sort()
      .map(([name, value]) => ({ key: name, value }));
    proofs.restore(records);
    proofs.add(key(12));
    expect(proofs.has(key(11))).toBe(false);
    expect(proofs.has(key(10))).toBe(true);
    expect(store.has('forgotten/o:11')).toBe(false);
    expect(store.size).toBe(12);
  });
});
