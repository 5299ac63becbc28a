import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replicaId } from '../../../src/kernel/ids.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import { SessionMachine } from '../../../src/session/core/machine/machine.js';
import { tableLimits } from '../../../src/session/core/machine/session-table.js';
import { stateLimits } from '../../../src/session/core/machine/settling.js';
import { signSession } from '../../../src/session/proof.js';
import { orderingRequest } from '../../../src/session/request.js';
import {
  type OperationOutcome,
  type OrderOutcome,
  type SessionRun,
  sessionLimits,
} from '../../../src/session/types.js';
import { done, rejected } from '../../support/session-answers.js';
import { sessionParties, type TestSession } from '../../support/session-owner.js';
import { WordApplication } from '../../support/word-application.js';

const parties = sessionParties();
const { cluster } = parties;

/** A machine by itself: what is agreed on, one batch after the other. */
class Bench {
  readonly machine = new SessionMachine({
    cluster: cluster.id,
    resilience: cluster.resilience,
    applications: [new WordApplication()],
  });
  readonly outcomes: OperationOutcome[] = [];
  readonly opened: string[] = [];
  position = 0;

  begin(owner = 'alice'): TestSession {
    return parties.owner(owner).begin('words');
  }

  apply(...requests: readonly (SessionRun | OrderingRequest)[]): this {
    this.position += 1;
    const batch = requests.map((one) =>
      'payload' in one
        ? one
        : orderingRequest({ kind: 'run', run: one, submitter: replicaId(0), attempt: 0 }),
    );
    this.machine.apply(this.position, batch);
    for (const event of this.machine.takeEvents()) {
      if (event.kind === 'outcomes') this.outcomes.push(...event.outcomes);
      if (event.kind === 'order-opened') {
        const { lane, number } = event.order;
        this.opened.push(`${lane}/${number} ${event.content.transfers.length}`);
      }
    }
    return this;
  }

  next(session: TestSession): number {
    return this.machine.table.standing(session.id).next;
  }
}

function report(replica: number, lane: number, number: number, outcome: OrderOutcome) {
  const statement = { kind: 'order-report', lane, number, outcome, replica: replicaId(replica) };
  const sign = parties.replicaSign(replica);
  const signed = signSession(
    sign,
    cluster.id,
    statement as typeof statement & { kind: 'order-report' },
  );
  return orderingRequest({ kind: 'report', report: signed });
}

describe('the machine', () => {
  it('forgets the session of an owner that was silent longest, and takes nothing of it again', () => {
    const bench = new Bench();
    const sessions = Array.from({ length: tableLimits.sessionsOfOwner }, () => bench.begin());
    const runs = sessions.map((session) => session.call('add a 1'));
    const other = bench.begin('bob');
    bench.apply(...runs, other.call('add b 1'));
    // The first is active again, so the second is the one that has been silent longest.
    bench.apply(sessions[0]?.call('add a 1') as SessionRun);
    expect(bench.machine.table.since).toBe(0);
    bench.apply(bench.begin().call('add a 1'));
    const [first, second, third] = sessions as [TestSession, TestSession, TestSession];
    expect([first, second, third, other].map((one) => bench.next(one))).toEqual([3, 1, 2, 2]);
    expect(bench.machine.table.since).toBe(3);
    const sum = bench.machine.settling.states.get('words')?.get('a');
    // Neither the same again nor the rest of it.
    bench.apply(runs[1] as SessionRun, second.call('add a 1'));
    expect(bench.next(second)).toBe(1);
    expect(bench.machine.settling.states.get('words')?.get('a')).toBe(sum);
    // Nor another one of that time; later ones as ever, and those of others.
    const late = bench.begin('carol').call('add c 1');
    bench.apply(bench.begin().call('add a 1'), late);
    expect(bench.machine.settling.states.get('words')?.get('c')).toBe('1');
    expect(bench.machine.settling.states.get('words')?.get('a')).toBe(String(Number(sum) + 1));
  });

  it('takes what continues a session, however requests overlap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 10 })), { maxLength: 12 }),
        (slices) => {
          const bench = new Bench();
          const session = bench.begin();
          const chains = [session.fork()];
          for (let step = 0; step < 10; step += 1) {
            session.call('add a 1');
            chains.push(session.fork());
          }
          let expected = 1;
          for (const [start, length] of slices) {
            const from = chains[start]?.fork();
            const end = Math.min(10, start + length);
            if (!from || end === start) continue;
            bench.apply(from.call(...Array.from({ length: end - start }, () => 'add a 1')));
            if (start < expected) expected = Math.max(expected, end + 1);
          }
          expect(bench.next(session)).toBe(expected);
          expect(bench.outcomes.map(({ sequence }) => sequence)).toEqual(
            Array.from({ length: expected - 1 }, (_, index) => index + 1),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('goes on after a snapshot as it would have without', () => {
    const words = fc.constantFrom(
      ...['put k v', 'add n 1', 'take t', 'pay a b 5', 'pay a c 1', 'fail', 'x', 'list '],
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fc.array(words, { minLength: 1, maxLength: 4 })), {
          minLength: 1,
          maxLength: 10,
        }),
        fc.nat(9),
        (steps, cut) => {
          const [straight, resumed] = [new Bench(), new Bench()];
          const sessions = ['alice', 'bob', 'carol'].map((name) => straight.begin(name));
          for (const [index, [who, calls]] of steps.entries()) {
            const run = sessions[who]?.call(...calls);
            if (!run) continue;
            const open = [...straight.machine.lanes.open()];
            const requests = [
              run,
              ...open.flatMap(({ lane, number }) => [
                report(1, lane, number, { kind: 'aborted', reason: 'no' }),
                report(index % 2 === 0 ? 2 : 1, lane, number, { kind: 'aborted', reason: 'no' }),
              ]),
            ];
            if (index === cut) {
              resumed.machine.install(new Uint8Array(Buffer.concat(straight.machine.snapshot())));
              resumed.position = straight.position;
            }
            straight.apply(...requests);
            if (index >= cut) resumed.apply(...requests);
          }
          if (cut >= steps.length) return;
          expect(resumed.machine.snapshot()).toEqual(straight.machine.snapshot());
          expect(resumed.machine.history).toBe(straight.machine.history);
          expect(straight.outcomes.slice(-resumed.outcomes.length || undefined)).toEqual(
            resumed.outcomes.length > 0 ? resumed.outcomes : straight.outcomes,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('holds no more open operations of a session than it says', () => {
    const bench = new Bench();
    const session = bench.begin();
    const calls = (count: number) =>
      session.call(...Array.from({ length: count }, () => 'pay a b 1'));
    for (let step = 0; step < 4; step += 1) bench.apply(calls(64));
    expect(bench.next(session)).toBe(sessionLimits.openOperations + 1);
    bench.apply(calls(10));
    expect(bench.next(session)).toBe(sessionLimits.openOperations + 1);
    expect(bench.outcomes).toEqual([]);
  });

  it('rejects what would make an owner’s part of the state too large, and lets it delete', () => {
    const bench = new Bench();
    const share = stateLimits.bytes / stateLimits.ownersInFull;
    const each = 256 * 1024;
    for (let first = 0; first < share / each; first += 32) {
      const calls = Array.from({ length: 32 }, (_, index) => `fill k${first + index} ${each}`);
      bench.apply(bench.begin('mallory').call(...calls));
    }
    const full = bench.outcomes.filter(({ result }) => result.kind === 'rejected');
    expect(full).toHaveLength(1);
    expect(full[0]?.result).toMatchObject({ reason: expect.stringContaining('mallory is full') });
    bench.outcomes.length = 0;
    // Others notice nothing, and what others write to mallory's entries is theirs to pay.
    bench.apply(bench.begin().call('put a 1', 'fill k0 200000', 'get a'));
    bench.apply(bench.begin('mallory').call('put x 1', 'drop k1', 'fill k1 200000', 'put x 1'));
    expect(bench.outcomes.map(({ result }) => result.kind)).toEqual([
      ...['done', 'done', 'done'],
      ...['done', 'done', 'done', 'done'],
    ]);
  });

  it('takes no further operations into a position that is full', () => {
    const bench = new Bench();
    const sessions = Array.from({ length: 140 }, (_, index) => bench.begin(`owner-${index % 9}`));
    const calls = Array.from({ length: 64 }, () => 'get a');
    const runs = sessions.map((session) => session.call(...calls));
    bench.apply(...runs);
    expect(bench.outcomes.length).toBeGreaterThanOrEqual(8000);
    expect(bench.outcomes.length).toBeLessThan(8064);
    bench.apply(...runs);
    expect(bench.outcomes).toHaveLength(140 * 64);
  });

  it('does nothing of a session before the order that it waits for', () => {
    const bench = new Bench();
    const session = bench.begin();
    bench.apply(session.call('pay a b 1')).apply(session.call('put a 1', 'pay a c 1'));
    expect(bench.machine.settling.states.get('words')?.get('a')).toBeUndefined();
    const [lane = 0] = [...bench.machine.lanes.open()].map((order) => order.lane);
    const committed: OrderOutcome = { kind: 'committed' };
    bench.apply(report(0, lane, 1, committed), report(1, lane, 1, committed));
    expect(bench.machine.settling.states.get('words')?.get('a')).toBe('1');
    expect(bench.outcomes.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(bench.opened).toEqual([`${lane}/1 1`, `${lane}/2 1`]);
  });

  it('closes an order at the second report that says the same, and only the one that is open', () => {
    const bench = new Bench();
    const session = bench.begin();
    bench.apply(session.call('pay a b 1', 'pay a c 1', 'pay a d 1'));
    const [lane = 0] = [...bench.machine.lanes.open()].map((order) => order.lane);
    const committed: OrderOutcome = { kind: 'committed' };
    const aborted: OrderOutcome = { kind: 'aborted', reason: 'no' };
    bench.apply(report(0, lane, 1, committed), report(1, lane, 1, aborted));
    bench.apply(report(0, lane, 1, aborted), report(2, lane, 2, aborted));
    bench.apply(report(3, lane, 1, { kind: 'aborted', reason: 'other' }));
    // Each replica has one voice: its first.
    expect(bench.opened).toEqual([`${lane}/1 3`]);
    bench.apply(report(2, lane, 1, aborted));
    expect(bench.opened).toEqual([`${lane}/1 3`, `${lane}/2 2`]);
    bench.apply(report(1, lane, 2, committed), report(2, lane, 2, committed));
    bench.apply(report(1, lane, 3, aborted), report(2, lane, 3, aborted));
    expect(bench.outcomes.map(({ result }) => result)).toEqual([
      done('paid 1'),
      done('paid 1'),
      rejected('no'),
    ]);
  });
});
