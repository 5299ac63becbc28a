import { describe, expect, it } from 'vitest';
import { decodeDecisionProof } from '../../src/agreement/certificate.js';
import { ForgottenProofs } from '../../src/agreement/core/abstentions.js';
import { type SlotKey, slotKey } from '../../src/agreement/messages.js';
import type { StoredRecord } from '../../src/kernel/core.js';
import type { TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const behind = [2, 3];
const others = [1, 2, 3];

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

/**
 * The commits for the first activation reach replica 0 alone, which is cut off from then on. The other three
 * are locked on it, and end and forget a later request of the same client.
 */
function decidedAtOneAndPassed() {
  const rig = new Rig({ retainedTransactions: 0, shownTransactions: 8 });
  const story = new Story(rig);
  let first: string | undefined;
  let isAway = false;
  rig.tamper = (from, to, message) => {
    if (isAway && (from === 0 || to === 0)) return [];
    const slot = message.kind === 'phase' ? slotKey(message.signed.statement.slot) : undefined;
    first ??= slot;
    const isCommit = message.kind === 'phase' && message.signed.statement.phase === 'commit';
    return isCommit && slot === first && to !== 0 ? [] : [message];
  };
  story.ask(1);
  rig.runUntil(() => rig.stores[0]?.has(`decided/${first}`) === true);
  rig.runUntil(() => others.every((one) => rig.stores[one]?.has(`lock/${first}`)));
  isAway = true;
  story.ask(2, story.initiators, others);
  rig.runUntil(() => {
    const second = story.transactionOf(2);
    return second !== undefined && others.every((one) => story.activated.get(second)?.has(one));
  });
  story.complete(story.transactionOf(2) as TransactionId, 'rollback', { at: others });
  rig.runUntil(() => others.every((one) => rig.stores[one]?.has('floor/alice')));
  const comesBack = () => {
    isAway = false;
  };
  return { rig, story, first: `${first}`, comesBack };
}

describe('a request that has fallen below the floor', () => {
  for (const restarts of [false, true]) {
    it(`is not called too old by those that have a vote for it${restarts ? ', after a restart' : ''}`, () => {
      const { rig, story, first, comesBack } = decidedAtOneAndPassed();
      if (restarts) for (const one of others) rig.crash(one);
      if (restarts) for (const one of others) rig.start(one);
      story.ask(1, [0, 2], others);
      expect(story.refusals).toEqual([]);
      comesBack();
      rig.runUntil(() => others.every((one) => rig.stores[one]?.has(`decided/${first}`)), 10_000);
      const tid = story.transactionOf(1) as TransactionId;
      expect([...(story.activated.get(tid) ?? [])].sort()).toEqual([0, ...others]);
      story.register(tid, 'bank-a');
      story.complete(tid, 'commit');
      rig.runUntil(() => [...story.heard.values()].includes('commit'), 10_000);
    });
  }

  it('is called too old by those that have dropped their votes, and that take no proof of it then', () => {
    const { rig, story, first, comesBack } = decidedAtOneAndPassed();
    const hasVote = (one: number) => rig.stores[one]?.has(`voted/${first}`) === true;
    rig.runUntil(() => !others.some(hasVote));
    story.ask(1, [0, 2], others);
    // Those that have waited since the first time, too.
    expect(story.refusals.map(({ fault }) => fault)).toEqual(Array(12).fill('TooOld'));
    comesBack();
    rig.runFor(60_000);
    expect(others.map((one) => rig.core(one).status.transactions)).toEqual([0, 0, 0]);
  });
});

describe('a primary with a vote below its floor, which has restarted', () => {
  it('does not open the activation again', () => {
    const rig = new Rig({ retainedTransactions: 0 });
    const story = new Story(rig);
    const opened: number[] = [];
    // Nobody prepares the first activation, so that all have a vote and no lock.
    let first: string | undefined;
    rig.tamper = (_from, _to, message) => {
      const isOpening = message.kind === 'activation-pre-prepare';
      const timestamp = isOpening ? message.requests[0]?.statement.timestamp : undefined;
      if (timestamp !== undefined) opened.push(timestamp);
      const slot = message.kind === 'phase' ? slotKey(message.signed.statement.slot) : undefined;
      first ??= slot;
      return slot !== undefined && slot === first ? [] : [message];
    };
    story.ask(1);
    rig.runUntil(() => rig.stores.every((store) => [...store.keys()].some(isVote)));
    story.transfer(2);
    rig.runUntil(() => rig.stores.every((store) => store.has('floor/alice')));
    rig.crash(0);
    rig.start(0);
    expect(rig.stores[0]?.has(`voted/${first}`)).toBe(true);
    opened.length = 0;
    story.ask(1, story.initiators, [0]);
    rig.runFor(2000);
    expect(story.refusals).toEqual([]);
    expect(opened).toEqual([]);
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

describe('a transaction that a replica without memory has forgotten, and is shown again', () => {
  /** Replica 3 has lost its disk, and lacks one inventory: it learns meanwhile, and it forgets. */
  function shownAgain() {
    const rig = new Rig({ retainedTransactions: 1, shownTransactions: 256 });
    const story = new Story(rig);
    const finish = (timestamp: number) => {
      const tid = story.activate(timestamp);
      story.complete(tid, 'rollback');
      const isOver = (one: number) => rig.stores[one]?.has(`finished/${tid}`);
      rig.runUntil(() => [...rig.alive].every(isOver));
      return tid;
    };
    rig.tamper = (from, to, message) =>
      to === 3 && from === 1 && message.kind === 'inventory' ? [] : [message];
    rig.loseDisk(3);
    rig.start(3);
    const tid = finish(1);
    const keys = [...(rig.stores[2]?.keys() ?? [])].filter((key) => key.startsWith('decided/'));
    const proofs = keys.sort().flatMap((key) => rig.stores[2]?.get(key) ?? []);
    finish(2);
    expect(rig.stores[3]?.has(`forgotten/o:${tid}`)).toBe(true);
    for (const bytes of proofs) {
      const proof = decodeDecisionProof(rig.parties.cluster.id, bytes);
      rig.transmit(2, 3, { kind: 'decided', proof });
      rig.runFor(20);
    }
    return { rig, tid, finish };
  }

  it('is on record again, and shown as what is', () => {
    const { rig, tid } = shownAgain();
    expect(rig.stores[3]?.has(`decided/o:${tid}`)).toBe(true);
    expect(rig.stores[3]?.has(`forgotten/o:${tid}`)).toBe(false);
    const { transactions } = rig.core(3).status;
    rig.crash(3);
    rig.start(3);
    expect(rig.core(3).status.transactions).toBe(transactions);
  });

  it('leaves nothing on disk when it is forgotten again', () => {
    const { rig, tid, finish } = shownAgain();
    rig.tamper = (_from, _to, message) => [message];
    rig.crash(3);
    rig.start(3);
    rig.runUntil(() => !rig.core(3).status.recovering);
    rig.runFor(20_000);
    for (const timestamp of [3, 4, 5, 6]) finish(timestamp);
    const left = [...(rig.stores[3]?.keys() ?? [])].filter((key) => key.includes(tid));
    expect(left.sort()).toEqual([`decided/o:${tid}`, `forgotten/o:${tid}`]);
  });

  it('is not among what is over, where a store says so and has no transaction', () => {
    const { rig, tid } = shownAgain();
    const stray = `finished/${tid.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))}`;
    rig.crash(3);
    rig.stores[3]?.set(stray, new TextEncoder().encode('1'));
    rig.start(3);
    rig.runFor(10);
    expect(rig.stores[3]?.has(stray)).toBe(false);
  });
});
function isVote(key: string): boolean {
  return key.startsWith('voted/');
}
