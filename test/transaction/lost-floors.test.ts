import { describe, expect, it } from 'vitest';
import {
  type DecisionProof,
  type FloorProof,
  type PeerMessage,
  slotKey,
} from '../../src/agreement/messages.js';
import { decodeRequests, encodeRequests } from '../../src/agreement/values.js';
import { digest, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

/** Its disk is lost. */
const lost = 3;
const liar = 2;

function finish(rig: Rig, story: Story, timestamp: number): TransactionId {
  const tid = story.transfer(timestamp);
  story.outcome(tid);
  rig.runUntil(() => [...rig.alive].every((one) => rig.stores[one]?.has(`finished/${tid}`)));
  return tid;
}

function keysOf(rig: Rig, replica: number): string[] {
  return [...(rig.stores[replica]?.keys() ?? [])];
}

function activationOf(rig: Rig, tid: TransactionId): DecisionProof {
  for (const key of keysOf(rig, liar)) {
    if (!key.startsWith('decided/a:')) continue;
    const request = digest(key.slice('decided/a:'.length));
    const proof = rig.decision(liar, { kind: 'activation', request });
    const result = proof?.commits.statement.result;
    if (proof && result?.kind === 'activation' && result.tid === tid) return proof;
  }
  throw new Error('no proof of the activation');
}

/** The timestamp of the floor, and how many initiators show it. */
function floorOf(rig: Rig, replica: number): [number, number] | undefined {
  const value = rig.stores[replica]?.get('floor/alice');
  const requests = value && decodeRequests(rig.parties.cluster.id, value);
  return requests && [requests[0]?.statement.timestamp ?? -1, requests.length];
}

function newDisk(rig: Rig): void {
  rig.loseDisk(lost);
  rig.start(lost);
  rig.runUntil(() => !rig.core(lost).status.recovering);
}

interface Past {
  readonly rig: Rig;
  readonly story: Story;
  readonly old: TransactionId;
  readonly activation: DecisionProof;
  readonly outcome: DecisionProof;
}

/** One transaction; once there are two later ones it is forgotten. */
function firstOfMany(): Past {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new Story(rig);
  const old = finish(rig, story, 1);
  const activation = activationOf(rig, old);
  const outcome = rig.decision(liar, { kind: 'outcome', tid: old });
  if (!outcome) throw new Error('not decided');
  return { rig, story, old, activation, outcome };
}

/** Five transactions, of which the last two are remembered. */
function past(): Past {
  const { rig, story, ...first } = firstOfMany();
  for (const timestamp of [2, 3, 4, 5]) finish(rig, story, timestamp);
  expect(floorOf(rig, 0)).toEqual([3, 2]);
  return { rig, story, ...first };
}

/** All that was ever said of the first transaction. */
function sayOldThings({ rig, story, activation, outcome }: Past): void {
  const say = (message: PeerMessage): void => rig.transmit(liar, lost, message);
  const requests = story.initiators.map((one) => rig.verified(story.activationStatement(one, 1)));
  say({ kind: 'requests', requests });
  say({ kind: 'decided', proof: activation });
  say({ kind: 'decided', proof: outcome });
  rig.runFor(50);
  const records = outcome.value.kind === 'outcome' ? outcome.value.records : [];
  for (const { registration, vote } of records) {
    say({ kind: 'record', record: registration });
    if (vote) say({ kind: 'record', record: vote });
  }
  rig.runFor(20_000);
}

describe('a replica that has lost its disk', () => {
  it('gets the floors of the others, with what shows them', () => {
    const { rig } = past();
    newDisk(rig);
    expect(floorOf(rig, lost)).toEqual([3, 2]);
  });

  it('refuses all that was forgotten, also after a restart', () => {
    const history = past();
    const { rig, old } = history;
    newDisk(rig);
    sayOldThings(history);
    expect(keysOf(rig, lost).join()).not.toContain(old);
    rig.crash(lost);
    rig.start(lost);
    sayOldThings(history);
    expect(keysOf(rig, lost).join()).not.toContain(old);
    expect(rig.core(lost).status.refusedRevivals).toBeGreaterThan(0);
  });

  it('gets a floor that one correct peer alone has', () => {
    const { rig } = past();
    for (const replica of [1, liar]) rig.stores[replica]?.delete('floor/alice');
    for (const replica of [1, liar]) rig.crash(replica);
    for (const replica of [1, liar]) rig.start(replica);
    newDisk(rig);
    expect(floorOf(rig, lost)).toEqual([3, 2]);
  });

  it('takes no part in what it was shown before it had the floors', () => {
    const history = past();
    const { rig, old, activation } = history;
    // The honest inventories come late.
    rig.tamper = (from, to, message) =>
      to === lost && from !== liar && message.kind === 'inventory' ? [] : [message];
    rig.loseDisk(lost);
    rig.start(lost);
    rig.transmit(liar, lost, { kind: 'decided', proof: activation });
    rig.runFor(100);
    expect(rig.core(lost).status).toMatchObject({ recovering: true });
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => !rig.core(lost).status.recovering);
    expect(keysOf(rig, lost)).toContain(`abstain/o:${old}`);
    // And that ends, too, since nobody else has it.
    rig.runUntil(() => !keysOf(rig, lost).join().includes(old), 600_000);
    expect(rig.core(lost).status.abstaining).toBe(0);
  });

  it('learns of nothing forgotten because a liar names its activation', () => {
    const history = past();
    const { rig, old, activation } = history;
    const { slot } = activation.commits.statement;
    rig.tamper = (from, to, message) =>
      from === liar && to === lost && message.kind === 'inventory'
        ? [{ ...message, open: [...message.open, slot] }]
        : [message];
    newDisk(rig);
    expect(keysOf(rig, lost)).toContain(`abstain/${slotKey(slot)}`);
    sayOldThings(history);
    expect(keysOf(rig, lost).join()).not.toContain(old);
  });

  it('takes no floor from a liar that initiators do not show', () => {
    const { rig, story } = past();
    const requests = (timestamp: number): FloorProof =>
      story.initiators.map((one) => rig.verified(story.activationStatement(one, timestamp)));
    const [first] = requests(9) as [FloorProof[number]];
    const [, other] = requests(8) as [FloorProof[number], FloorProof[number]];
    const lies: FloorProof[] = [[], [first], [first, first], [first, other]];
    for (const lie of lies) {
      let refusedBefore = rig.refused.length;
      rig.tamper = (from, _to, message) =>
        from === liar && message.kind === 'inventory' ? [{ ...message, floors: [lie] }] : [message];
      rig.loseDisk(lost);
      rig.start(lost);
      rig.runFor(5000);
      expect(rig.core(lost).status.recovering).toBe(true);
      expect(rig.refused.length).toBeGreaterThan(refusedBefore);
      refusedBefore = rig.refused.length;
      rig.tamper = (_from, _to, message) => [message];
      rig.runUntil(() => !rig.core(lost).status.recovering);
      expect(floorOf(rig, lost)).toEqual([3, 2]);
    }
    expect(finish(rig, story, 6)).toBeDefined();
  });

  it('looks at no inventory that it has not asked for: what shows floors is dear to check', () => {
    const { rig } = past();
    const pages: PeerMessage[] = [];
    const answers: boolean[] = [];
    rig.tamper = (_from, to, message) => {
      if (to !== lost || message.kind !== 'inventory') return [message];
      pages.push(message);
      answers.push(rig.core(lost).needs(message));
      return [message];
    };
    newDisk(rig);
    rig.runFor(5000);
    expect(pages.length).toBeGreaterThanOrEqual(3);
    expect(new Set(answers)).toEqual(new Set([true]));
    for (const page of pages) expect(rig.core(lost).needs(page)).toBe(false);
  });

  it('reads more floors than a page holds, one for each client', () => {
    const { rig, story } = past();
    const before = story.activationStatement.bind(story);
    const floors = Array.from({ length: 600 }, (_, lane) =>
      story.initiators.map((one) =>
        rig.verified({ ...before(one, 1), client: `bob/${1000 + lane}` as never }),
      ),
    );
    const proofs = new Map(floors.map((one) => [`floor/${one[0]?.statement.client}`, one]));
    for (const [key, proof] of proofs) rig.stores[0]?.set(key, encodeRequests(proof));
    rig.crash(0);
    rig.start(0);
    newDisk(rig);
    const taken = keysOf(rig, lost).filter((key) => key.startsWith('floor/bob'));
    expect(taken).toHaveLength(600);
  });
});

describe('what a replica abstains from', () => {
  it('ends when all others have forgotten it', () => {
    const rig = new Rig({ retainedTransactions: 20 });
    const story = new Story(rig);
    for (let timestamp = 1; timestamp <= 20; timestamp += 1) finish(rig, story, timestamp);
    newDisk(rig);
    rig.runUntil(() => rig.core(lost).status.fetching === 0);
    expect(rig.core(lost).status.abstaining).toBeGreaterThan(0);
    for (let timestamp = 21; timestamp <= 45; timestamp += 1) finish(rig, story, timestamp);
    rig.runUntil(() => rig.core(lost).status.abstaining === 0, 60_000);
    expect(keysOf(rig, lost).filter((key) => key.startsWith('abstain/'))).toEqual([]);
    expect(floorOf(rig, lost)?.[0]).toBeGreaterThanOrEqual(25);
    // Another one that loses its disk then is told nothing of it, and comes to an end with its own.
    rig.loseDisk(1);
    rig.start(1);
    rig.runUntil(() => !rig.core(1).status.recovering);
    expect(rig.core(1).status.abstaining).toBeLessThanOrEqual(2 * 20);
    for (let timestamp = 46; timestamp <= 70; timestamp += 1) finish(rig, story, timestamp);
    rig.runUntil(() => rig.core(1).status.abstaining === 0, 60_000);
  });

  it('ends with the floors that cover it, whatever else this replica has missed', () => {
    const first = firstOfMany();
    const { rig, story, old } = first;
    rig.tamper = (from, to, message) => {
      const isAsking = message.kind === 'recover' || message.kind === 'inventory';
      return isAsking || (from !== lost && to !== lost) ? [message] : [];
    };
    newDisk(rig);
    expect(keysOf(rig, lost)).toContain(`abstain/o:${old}`);
    rig.alive.delete(lost);
    for (const timestamp of [2, 3, 4, 5]) finish(rig, story, timestamp);
    rig.alive.add(lost);
    rig.runUntil(() => !keysOf(rig, lost).includes(`abstain/o:${old}`), 120_000);
    expect(floorOf(rig, lost)).toEqual([3, 2]);
    rig.tamper = (_from, _to, message) => [message];
    sayOldThings(first);
    expect(keysOf(rig, lost).join()).not.toContain(old);
  });

  it('does not end while one of the others may still know of it', () => {
    const rig = new Rig({ retainedTransactions: 20 });
    const story = new Story(rig);
    for (let timestamp = 1; timestamp <= 20; timestamp += 1) finish(rig, story, timestamp);
    newDisk(rig);
    rig.runUntil(() => rig.core(lost).status.fetching === 0);
    const abstaining = keysOf(rig, lost).filter((key) => key.startsWith('abstain/'));
    rig.crash(0);
    for (let timestamp = 21; timestamp <= 45; timestamp += 1) finish(rig, story, timestamp);
    rig.runFor(120_000);
    expect(keysOf(rig, lost)).toEqual(expect.arrayContaining(abstaining));
    rig.start(0);
    // That one hands on what it has.
    rig.runUntil(() => rig.core(lost).status.abstaining === 0, 120_000);
  });

  it('may be learnt though the floors have gone past it', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    const open = story.activate(1);
    story.register(open, 'bank-a', { id: 'open' });
    for (const timestamp of [2, 3, 4, 5]) finish(rig, story, timestamp);
    newDisk(rig);
    expect(floorOf(rig, lost)).toEqual([3, 2]);
    rig.runUntil(() => rig.core(lost).status.fetching === 0);
    story.complete(open, 'commit');
    rig.runUntil(() => story.outcomeAt(lost, open) === 'commit');
    expect(keysOf(rig, lost)).not.toContain(`abstain/o:${open}`);
  });
});
