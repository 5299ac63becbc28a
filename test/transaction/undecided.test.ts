import { describe, expect, it } from 'vitest';
import { type ActivationValue, type Slot, slotKey } from '../../src/agreement/messages.js';
import { activationSlotRequest } from '../../src/agreement/values.js';
import { clientId, digest, transactionId } from '../../src/kernel/ids.js';
import type { Floors } from '../../src/transaction/coordinator/core/floors.js';
import { Room } from '../../src/transaction/coordinator/core/room.js';
import type { CoordinatorTransaction } from '../../src/transaction/coordinator/core/transaction.js';
import { Undecided } from '../../src/transaction/coordinator/core/transaction-log.js';
import { Story } from '../support/banking-story.js';
import { Evidence, upTo } from '../support/evidence.js';
import { Rig } from '../support/rig.js';

const transaction = (index: number, client: string) =>
  ({
    tid: transactionId(`00000000-0000-8000-8000-${String(index).padStart(12, '0')}`),
    activation: { client: clientId(client) },
  }) as CoordinatorTransaction;

it('counts for each principal, all its lanes together, and each transaction once', () => {
  const undecided = new Undecided();
  const all = [transaction(1, 'alice'), transaction(2, 'alice/1'), transaction(3, 'bob')];
  for (const one of all) undecided.created(one);
  expect(undecided.of(clientId('alice/7'))).toEqual({ all: 3, own: 2 });
  undecided.ended(transaction(1, 'alice').tid);
  undecided.ended(transaction(1, 'alice').tid);
  expect(undecided.of(clientId('alice'))).toEqual({ all: 2, own: 1 });
  expect(undecided.of(clientId('carol'))).toEqual({ all: 2, own: 0 });
});

it('gives a client’s places back when its transactions are decided, also those before a restart', () => {
  const rig = new Rig({ n: 1, f: 0 });
  const story = new Story(rig);
  const placesOfAlice = 1000;
  for (let timestamp = 1; timestamp <= placesOfAlice; timestamp += 1) story.activate(timestamp);
  story.ask(placesOfAlice + 1);
  expect(story.refusals).toMatchObject([{ reason: 'too many open transactions of this client' }]);
  const decide = (timestamp: number) => {
    const tid = story.transactionOf(timestamp);
    if (tid) story.complete(tid, 'rollback');
    if (tid) expect(story.outcome(tid)).toBe('abort');
  };
  decide(1);
  rig.crash(0);
  rig.start(0);
  story.activate(placesOfAlice + 2);
  story.ask(placesOfAlice + 3);
  expect(story.refusals).toHaveLength(2);
  decide(2);
  story.activate(placesOfAlice + 4);
  expect(story.refusals).toHaveLength(2);
}, 60_000);

const backups = [1, 2, 3];
/** What a client may have, and what a backup takes beyond. */
const OF_ONE_CLIENT = 1000;
const SLACK = 64;
/** Decisions of two steps that no quorum has committed. */
const WINDOWS = 8192;

/** Replica 0 is a primary that lies; it proposes what a client has asked nobody else for. */
function withLyingPrimary() {
  const rig = new Rig();
  const story = new Story(rig);
  const evidence = new Evidence(rig.parties);
  rig.runFor(100);
  rig.crash(0);
  const propose = (timestamp: number) => {
    const over = { client: clientId('mallory'), timestamp, expiresMs: 86_400_000 };
    const requests = upTo(2).map((one) => evidence.request(one, over));
    const [{ statement }] = requests as [(typeof requests)[0]];
    const slot = { kind: 'activation', request: activationSlotRequest(statement) } as const;
    const proposals = upTo(3).map((one) => evidence.proposal(one, { slot }));
    const value: ActivationValue = { kind: 'activation', requests, proposals };
    const prePrepare = evidence.prePrepare(value);
    for (const to of backups) rig.transmit(0, to, { kind: 'pre-prepare', prePrepare, value });
  };
  return { rig, story, evidence, propose };
}

describe('a client whose requests a lying primary proposes to the backups alone', () => {
  it('has no more places than others leave it, and waits without blame until some are free', () => {
    const { rig, story, evidence, propose } = withLyingPrimary();
    // Asked for in time, and passed over by the primary.
    const over = { client: clientId('mallory'), timestamp: 9999 };
    const request = activationSlotRequest(evidence.request(0, over).statement);
    const early = { kind: 'activation', request } as const;
    for (const one of story.initiators) {
      const statement = rig.verified(evidence.request(one, over).statement);
      for (const to of backups)
        rig.input(to, { kind: 'activate', statement, replyId: `${to}/${one}/early` });
    }
    for (let timestamp = 1; timestamp <= OF_ONE_CLIENT + 100; timestamp += 1) {
      propose(timestamp);
      // In the end one by one, so that the backups are in none that the others have no place for.
      if (timestamp % 50 === 0 || timestamp > OF_ONE_CLIENT + 50) rig.runFor(20);
    }
    rig.runFor(200);
    const counts = backups.map((one) => rig.core(one).status.transactions);
    expect(Math.max(...counts)).toBeLessThanOrEqual(OF_ONE_CLIENT + SLACK);
    expect(Math.min(...counts)).toBeGreaterThan(OF_ONE_CLIENT);
    const late = { client: clientId('mallory'), timestamp: 8888 };
    const requests = upTo(2).map((one) => evidence.request(one, late));
    const slot = {
      kind: 'activation',
      request: activationSlotRequest(evidence.request(0, late).statement),
    } as const;
    const proposal = evidence.proposal(0, { slot });
    let replies = 0;
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'pre-prepare-reply') replies += 1;
      return [message];
    };
    for (const to of backups)
      rig.transmit(0, to, { kind: 'activation-pre-prepare', requests, proposal });
    rig.runFor(20);
    expect(replies).toBe(0);
    // An honest primary would have no place either, so the backups do not blame this one.
    rig.runFor(10_000);
    expect(backups.map((one) => rig.core(one).status.view)).toEqual([0, 0, 0]);
    story.ask(1);
    rig.runUntil(() => story.transactionOf(1) !== undefined);
    expect(story.refusals.filter(({ replyId }) => !replyId.endsWith('/early'))).toEqual([]);
    const open = [...(rig.stores[1]?.keys() ?? [])]
      .filter((key) => key.startsWith('decided/a:'))
      .flatMap(
        (key) =>
          rig.decision(1, {
            kind: 'activation',
            request: digest(key.slice('decided/a:'.length)),
          }) ?? [],
      );
    const tids = open.flatMap(({ commits }) =>
      commits.statement.result.kind === 'activation' ? [commits.statement.result.tid] : [],
    );
    for (const tid of tids.slice(0, 2 * SLACK + 10)) story.complete(tid, 'rollback');
    rig.runUntil(() => rig.decision(1, early) !== undefined);
  }, 120_000);
});

describe('room for one more activation', () => {
  const slot = (index: number): Slot => ({
    kind: 'activation',
    request: digest(index.toString(16).padStart(64, '0')),
  });
  const alice = clientId('alice');

  function fill(count: number, lanes = 0, windows = () => 0) {
    const undecided = new Undecided();
    const floors = { has: () => false, lanesOf: () => lanes } as unknown as Floors;
    const room = new Room(undecided, floors, windows);
    for (let index = 0; index < count; index += 1) room.take(slot(index), alice, true);
    return { undecided, room };
  }

  it('is the bound at the door and for the primary, and a little more for a backup', () => {
    const { undecided, room } = fill(OF_ONE_CLIENT + 10);
    expect(undecided.of(alice).own).toBe(OF_ONE_CLIENT);
    expect(room.refusal(slot(5000), alice)).toMatch(/too many open transactions of this client/);
    expect(room.refusal(slot(5), alice)).toBeUndefined();
    expect(room.refusal(slot(5000), clientId('bob'))).toBeUndefined();
    for (let index = 2000; index < 2100; index += 1) room.take(slot(index), alice, false);
    expect(undecided.of(alice).own).toBe(OF_ONE_CLIENT + SLACK);
    expect(room.take(slot(2000), alice, false)).toBeUndefined();
  });

  it('may be lacking at a correct primary a little before it is lacking here', () => {
    expect(fill(OF_ONE_CLIENT - SLACK - 1).room.isTight(alice)).toBe(false);
    expect(fill(OF_ONE_CLIENT - SLACK).room.isTight(alice)).toBe(true);
    expect(fill(0, 10_000 - SLACK).room.isTight(alice)).toBe(true);
  });

  it('is told to those that wait when a place is free, and not before', () => {
    const { room } = fill(OF_ONE_CLIENT);
    expect(room.take(slot(5000), alice, true)).toBeDefined();
    expect(room.takeReady()).toEqual([]);
    room.closed(slotKey(slot(7)));
    expect(room.takeReady()).toEqual([slot(5000)]);
    expect(room.takeReady()).toEqual([]);
  });

  it('is waited for by so many, and by none whose slot was dropped', () => {
    const { room } = fill(OF_ONE_CLIENT);
    for (let index = 5000; index < 5300; index += 1) room.take(slot(index), alice, true);
    room.closed(slotKey(slot(5299)));
    room.closed(slotKey(slot(7)));
    const ready = room.takeReady();
    expect(ready).toHaveLength(255);
    expect(ready[0]).toEqual(slot(5044));
  });

  it('is lacking where too many decisions of two steps are not committed, until one is', () => {
    let windows = WINDOWS;
    const { room } = fill(0, 0, () => windows);
    expect(room.refusal(slot(1), alice)).toMatch(/no quorum has committed/);
    expect(room.take(slot(1), alice, true)).toBeDefined();
    expect(room.take(slot(2), alice, false)).toBeUndefined();
    windows = WINDOWS - SLACK;
    expect(room.isTight(alice)).toBe(true);
    room.closed(slotKey(slot(9)));
    expect(room.takeReady()).toEqual([slot(1)]);
    windows = WINDOWS + SLACK;
    expect(room.take(slot(3), alice, false)).toBeDefined();
  });

  it('is refused in a lane too many', () => {
    expect(fill(0, 10_000).room.refusal(slot(1), alice)).toMatch(/too many lanes/);
    expect(fill(0, 10_000).room.take(slot(1), alice, false)).toBeUndefined();
    expect(fill(0, 10_000 + SLACK).room.take(slot(1), alice, false)).toMatch(/too many lanes/);
  });
});
