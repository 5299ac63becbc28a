import { describe, expect, it } from 'vitest';
import type { ActivationValue, Slot } from '../../src/agreement/messages.js';
import { activationSlotRequest, collectiveTransactionId } from '../../src/agreement/values.js';
import { clientId, type Digest, digest } from '../../src/kernel/ids.js';
import { Evidence, upTo } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { ballot } from './scene.js';

const liar = 0;
const correct = [1, 2, 3];
const requests = { one: digest('aa'.repeat(32)), other: digest('bb'.repeat(32)) };

/** A client has signed two requests with one timestamp. */
function scene() {
  const rig = new Rig();
  const evidence = new Evidence(rig.parties);
  const statement = (initiator: number, request: Digest) =>
    evidence.request(initiator, { client: clientId('alice'), timestamp: 1, request }).statement;
  const slot: Slot = {
    kind: 'activation',
    request: activationSlotRequest(statement(0, requests.one)),
  };
  const valueFor = (request: Digest): ActivationValue => ({
    kind: 'activation',
    requests: [0, 1].map((initiator) => evidence.request(initiator, statement(initiator, request))),
    proposals: upTo(3).map((replica) => evidence.proposal(replica, { slot })),
  });
  const activated = new Map<string, Set<string>>();
  const refused = new Map<string, Set<string>>();
  rig.onOutput = (replica, output) => {
    const [request = ''] = 'replyId' in output ? output.replyId.split('/') : [];
    const note = (into: Map<string, Set<string>>, what: string) =>
      into.set(request, (into.get(request) ?? new Set()).add(what));
    if (output.kind === 'activated') note(activated, output.tid);
    if (output.kind === 'refused') note(refused, `${replica} ${output.fault}`);
  };
  const ask = (request: Digest, initiators: readonly number[], replicas: readonly number[]) => {
    for (const initiator of initiators) {
      for (const replica of replicas) {
        rig.input(replica, {
          kind: 'activate',
          statement: rig.verified(statement(initiator, request)),
          replyId: `${request}/${initiator}`,
        });
      }
    }
  };
  /** The primary of view 0 proposes, and is Byzantine. */
  const propose = (request: Digest, to: readonly number[], attempt = 0) => {
    const value = valueFor(request);
    const prePrepare = evidence.prePrepare(value, ballot(0, attempt));
    for (const one of to) rig.transmit(liar, one, { kind: 'pre-prepare', prePrepare, value });
  };
  const commits = (request: Digest, attempt = 0) => {
    for (const phase of ['prepare', 'commit'] as const) {
      const own = evidence.phase(phase, valueFor(request), ballot(0, attempt));
      const signed = evidence.signedPhase(liar, own);
      for (const one of correct) rig.transmit(liar, one, { kind: 'phase', signed });
    }
  };
  const decided = (replica: number) => rig.decision(replica, slot)?.commits.statement.result;
  const transactions = () =>
    new Set(
      rig.stores.flatMap((store) =>
        [...store.keys()].filter((key) => key.startsWith('decided/a:')),
      ),
    );
  return { rig, activated, refused, ask, propose, commits, decided, transactions, valueFor };
}

describe('two requests that a client signs with one timestamp', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'become one transaction where both are asked for at once (seed %i)',
    (seed) => {
      const { rig, activated, refused, ask, decided, transactions } = scene();
      for (let turn = 0; turn < seed; turn += 1) rig.random();
      // Initiator 1 signs both.
      const order = seed % 2 === 0 ? [0, 1, 2, 3] : [3, 2, 1, 0];
      for (const replica of order) {
        if (replica < 2) ask(requests.one, [0, 1], [replica]);
        else ask(requests.other, [1, 2], [replica]);
      }
      rig.runUntil(() => [0, 1, 2, 3].every((replica) => decided(replica) !== undefined));
      rig.runFor(10_000);
      rig.checkAgreement();
      expect(transactions().size).toBe(1);
      expect(activated.size).toBe(1);
      const [winner = ''] = activated.keys();
      expect(activated.get(winner)?.size).toBe(1);
      // Both are asked for at all replicas now: each answers alike.
      const loser = winner === requests.one ? requests.other : requests.one;
      ask(requests.one, [0, 1], [0, 1, 2, 3]);
      ask(requests.other, [1, 2], [0, 1, 2, 3]);
      expect(activated.get(winner)?.size).toBe(1);
      expect(activated.has(loser)).toBe(false);
      expect([...(refused.get(loser) ?? [])].sort()).toEqual(
        [0, 1, 2, 3].map((replica) => `${replica} TimestampTaken`),
      );
      expect(refused.has(winner)).toBe(false);
    },
  );

  it.each([
    [[1], [2, 3]],
    [[1, 2], [3]],
    [[1, 2, 3], []],
  ])(
    'become one where a lying primary proposes one to %s and the other to %s',
    (toOne, toOther) => {
      const { rig, propose, commits, decided, transactions } = scene();
      rig.crash(liar);
      propose(requests.one, toOne);
      propose(requests.other, toOther);
      for (const request of [requests.one, requests.other]) commits(request);
      rig.runUntil(() => correct.every((replica) => decided(replica) !== undefined));
      rig.checkAgreement();
      expect(transactions().size).toBe(1);
      expect(new Set(correct.map((replica) => JSON.stringify(decided(replica)))).size).toBe(1);
    },
  );

  it.each([false, true])(
    'become one where the other is proposed later (restarts: %s)',
    (restarts) => {
      const { rig, propose, commits, decided, transactions, valueFor } = scene();
      rig.crash(liar);
      propose(requests.one, correct);
      commits(requests.one);
      rig.runUntil(() => correct.every((replica) => decided(replica) !== undefined));
      if (restarts) for (const replica of correct) rig.crash(replica);
      if (restarts) for (const replica of correct) rig.start(replica);
      propose(requests.other, correct, 1);
      commits(requests.other, 1);
      const { requests: replayed } = valueFor(requests.other);
      for (const one of correct) rig.transmit(liar, one, { kind: 'requests', requests: replayed });
      rig.runFor(10_000);
      rig.checkAgreement();
      expect(transactions().size).toBe(1);
      const tid = collectiveTransactionId(valueFor(requests.one));
      for (const replica of correct) {
        expect(decided(replica)).toMatchObject({ tid });
        expect(rig.core(replica).status).toMatchObject({ transactions: 1, openSlots: 0 });
      }
    },
  );
});
