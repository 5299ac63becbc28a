import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Outcome } from '../../src/agreement/statements.js';
import type { PostingCall } from '../../src/banking/soap.js';
import type { InitiatorInput, LegResult } from '../../src/transaction/initiator/messages.js';
import {
  activatedByProof,
  activatedPlainly,
  notifiedByProof,
  notifiedPlainly,
  Rig,
  request,
  slotOf,
  tid,
  tidNumber,
} from './initiator-rig.js';

const replica = fc.nat({ max: 3 });
const outcome = fc.constantFrom<Outcome>('commit', 'abort');
const about = fc.constantFrom(tid, tidNumber(2));
const legResult = fc.constantFrom<LegResult>(
  { kind: 'done' },
  { kind: 'done' },
  { kind: 'refused', reason: 'InsufficientFunds' },
  { kind: 'unreachable' },
);

/** Anything the world may do, in any order, as often as it likes. */
const event: fc.Arbitrary<InitiatorInput<PostingCall> | { kind: 'timer'; name: string }> = fc.oneof(
  fc.constant(request),
  fc.tuple(replica, about).map(([by, said]) => activatedPlainly(by, said)),
  replica.map((by) => activatedByProof({ inView: 0, by, slotRequest: slotOf(request) })),
  fc
    .tuple(fc.nat({ max: 2 }), legResult)
    .map(
      ([leg, result]) => ({ kind: 'leg-answered', request: request.digest, leg, result }) as const,
    ),
  fc.tuple(replica, outcome, about).map(([by, said, of]) => notifiedPlainly(by, said, of)),
  fc.tuple(replica, outcome, about).map(([by, said, of]) => notifiedByProof(by, said, of)),
  fc
    .constantFrom('resend', 'deadline', 'leg-0', 'leg-1')
    .map((name) => ({ kind: 'timer', name: `${request.digest}/${name}` }) as const),
);

/** Begins with an active transaction, so that most histories come somewhere. */
const history = fc
  .array(event, { maxLength: 60 })
  .map((events) => [
    request,
    activatedByProof({ inView: 0, by: 0, slotRequest: slotOf(request) }),
    ...events,
  ]);

it('never answers with an outcome that f + 1 replicas or a certificate did not tell', () => {
  fc.assert(
    fc.property(history, (events) => {
      const rig = new Rig();
      const told = new Map<string, Set<number>>();
      for (const each of events) {
        if (each.kind === 'notified') {
          const { evidence } = each;
          const result = evidence.kind === 'proof' ? evidence.certificate.statement : undefined;
          const word =
            result?.slot.kind === 'outcome' && result.result.kind === 'outcome'
              ? `${result.slot.tid} ${result.result.outcome}`
              : evidence.kind === 'plain' && `${each.tid} ${evidence.outcome}`;
          if (word === false) continue;
          const who = told.get(word) ?? new Set();
          told.set(word, who.add(each.replica));
          if (evidence.kind === 'proof') who.add(100).add(101);
        }
        rig.give(each);
        for (const reply of rig.answers()) {
          if (reply.kind !== 'outcome') continue;
          const said = reply.outcome === 'committed' ? 'commit' : 'abort';
          expect(told.get(`${reply.transactionId} ${said}`)?.size ?? 0).toBeGreaterThanOrEqual(2);
        }
      }
    }),
    { numRuns: 500 },
  );
});

it('sends only one decision in the life of a transaction, and Commit only when all legs are done', () => {
  fc.assert(
    fc.property(history, (events) => {
      const rig = new Rig();
      let decision: string | undefined;
      const done = new Set<number>();
      for (const each of events) {
        if (each.kind === 'leg-answered' && each.result.kind === 'done') done.add(each.leg);
        for (const output of rig.give(each)) {
          if (output.kind === 'answer' && each.kind !== 'request') decision = undefined;
          if (output.kind !== 'send-completion') continue;
          const sent = output.statement.statement.decision;
          expect(decision ?? sent).toBe(sent);
          decision = sent;
          if (sent === 'commit') expect(done.has(0) && done.has(1)).toBe(true);
        }
      }
    }),
    { numRuns: 500 },
  );
});

it('leaves no timer behind when a transaction ends', () => {
  fc.assert(
    fc.property(history, (events) => {
      const rig = new Rig();
      for (const each of events) {
        const outputs = rig.give(each);
        // Where a request is answered at once, it is not the end of anything.
        const answers = outputs.filter(({ kind }) => kind === 'answer');
        const ended = each.kind !== 'request' && answers.length > 0;
        if (ended) expect(rig.timers.size).toBe(0);
      }
    }),
    { numRuns: 500 },
  );
});
