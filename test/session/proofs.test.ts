import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOfText } from '../../src/kernel/digest.js';
import { clientId, type Digest, digest, replicaId } from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import {
  OutcomeTree,
  rootOf,
  verifyBrokenPromise,
  verifyCertifiedOrder,
  verifyOperationProof,
  verifyStateProof,
} from '../../src/session/check-proof.js';
import { type SessionMessage, verifySessionMessage } from '../../src/session/message.js';
import { verifyRun } from '../../src/session/owners.js';
import { digestOfStanding, digestOfTransfers, signSession } from '../../src/session/proof.js';
import { headsOf } from '../../src/session/run.js';
import type {
  AttestationStatement,
  BrokenPromise,
  OperationOutcome,
  OutcomeProof,
  SessionCertificate,
  SessionRun,
  SessionStanding,
  SessionStatement,
  SessionTransfer,
} from '../../src/session/types.js';
import { anyOutcome } from '../support/session-arbitraries.js';
import { sessionParties } from '../support/session-owner.js';

const parties = sessionParties();
const { keyring, owners, cluster } = parties;
const zero = digest('00'.repeat(32));

function sign<S extends SessionStatement>(replica: number, statement: S): Signed<S> {
  return signSession(parties.replicaSign(replica), cluster.id, statement);
}

function certify<S extends SessionStatement>(
  statement: S,
  replicas: readonly number[] = [0, 2],
): SessionCertificate<S> {
  const { bytes } = sign(0, statement);
  return {
    statement,
    bytes,
    signatures: replicas.map((replica) => ({
      replica: replicaId(replica),
      signature: sign(replica, statement).signature,
    })),
  };
}

describe('a position’s outcomes', () => {
  const anyOutcomes = fc.array(anyOutcome, { minLength: 1, maxLength: 20 });

  it('prove themselves each, and nothing else', () => {
    fc.assert(
      fc.property(anyOutcomes, fc.nat(), anyOutcome, (outcomes, place, stranger) => {
        const tree = new OutcomeTree(outcomes);
        const index = place % outcomes.length;
        const outcome = outcomes[index] as OperationOutcome;
        const path = tree.path(index);
        expect(rootOf({ outcome, path })).toBe(tree.root);
        expect(rootOf({ outcome: stranger, path })).not.toBe(tree.root);
        for (const [at, step] of path.entries()) {
          const turned = { ...step, side: step.side === 'left' ? 'right' : 'left' } as const;
          const changed = path.map((one, other) => (other === at ? turned : one));
          expect(rootOf({ outcome, path: changed })).not.toBe(tree.root);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('have another root in another order, or with one more', () => {
    const [a, b, c] = fc.sample(anyOutcome, { seed: 3, numRuns: 3 }) as [
      OperationOutcome,
      OperationOutcome,
      OperationOutcome,
    ];
    const roots = [[a, b], [b, a], [a, b, c], [a, b, b], [a]].map(
      (one) => new OutcomeTree(one).root,
    );
    expect(new Set(roots).size).toBe(5);
    expect(() => new OutcomeTree([])).toThrow(RangeError);
  });

  const [outcome, second] = fc.sample(anyOutcome, { seed: 4, numRuns: 2 }) as [
    OperationOutcome,
    OperationOutcome,
  ];
  const tree = new OutcomeTree([outcome, second]);
  const statement = { kind: 'history', position: 4, before: zero, root: tree.root } as const;
  const proof: OutcomeProof = { outcome, path: tree.path(0), certificate: certify(statement) };

  it.each<[string, OutcomeProof, boolean]>([
    ['f + 1 replicas', proof, true],
    ['all of them', { ...proof, certificate: certify(statement, [0, 1, 2, 3]) }, true],
    ['one', { ...proof, certificate: certify(statement, [0]) }, false],
    ['one twice', { ...proof, certificate: certify(statement, [1, 1]) }, false],
    [
      'a stranger',
      {
        ...proof,
        certificate: {
          ...certify(statement),
          signatures: certify(statement).signatures.map((one, index) => ({
            ...one,
            replica: replicaId(index + 4),
          })),
        },
      },
      false,
    ],
    ['another root', { ...proof, certificate: certify({ ...statement, root: zero }) }, false],
    [
      'another’s signature',
      {
        ...proof,
        certificate: {
          ...proof.certificate,
          signatures: certify(statement, [0, 3]).signatures.map((one, index) => ({
            ...one,
            replica: replicaId(index),
          })),
        },
      },
      false,
    ],
    [
      'another outcome',
      { ...proof, outcome: { ...outcome, result: { kind: 'done', result: 'more' } } },
      false,
    ],
  ])('are proved by the signatures of %s: %#', (_, candidate, isGood) => {
    expect(verifyOperationProof(keyring, candidate).ok).toBe(isGood);
  });
});

describe('a value of a state', () => {
  const statement = (position: number, changed: Partial<AttestationStatement> = {}) =>
    ({
      kind: 'attestation',
      subject: { kind: 'state', application: 'shop', key: 'k' },
      value: digestOfText('v'),
      position,
      ...changed,
    }) as const;
  const by = (replica: number, changed?: Partial<AttestationStatement>) => ({
    replica: replicaId(replica),
    ...sign(replica, statement(replica, changed)),
  });
  const proof = { application: 'shop', key: 'k', value: 'v', attestations: [by(0), by(1)] };

  it('is proved by f + 1 that say the same, at whatever positions', () => {
    expect(verifyStateProof(keyring, proof).ok).toBe(true);
  });

  it.each([
    ['value', { value: 'w' }],
    ['key', { key: 'l' }],
    ['application', { application: 'bank' }],
    ['number of replicas', { attestations: [by(0)] }],
    ['different replicas', { attestations: [by(0), by(0)] }],
    ['signer', { attestations: [by(0), { ...by(1), replica: replicaId(2) }] }],
    [
      'subject',
      { attestations: [by(0), by(1, { subject: { kind: 'session', session: zero as never } })] },
    ],
    ['presence', { attestations: [by(0), by(1, { value: null })] }],
  ])('is bound to its %s', (_, changed) => {
    expect(verifyStateProof(keyring, { ...proof, ...changed }).ok).toBe(false);
  });
});

describe('an order', () => {
  const account = (name: string) => ({ bank: 'bank-a', account: name });
  const transfers: SessionTransfer[] = [
    { from: account('a'), to: account('b'), amountMinor: 5, currency: 'EUR' },
  ];
  const statement = {
    ...({ kind: 'order', lane: 1, number: 1, owner: clientId('alice') } as const),
    transfers: digestOfTransfers(transfers),
  };

  it('is for its transfers, and has f + 1 signatures', () => {
    const certificate = certify(statement);
    const isGood = (order: Parameters<typeof verifyCertifiedOrder>[1]): boolean =>
      verifyCertifiedOrder(keyring, order).ok;
    expect(isGood({ transfers, certificate })).toBe(true);
    expect(isGood({ transfers: [...transfers, ...transfers], certificate })).toBe(false);
    expect(isGood({ transfers: [], certificate })).toBe(false);
    expect(isGood({ transfers, certificate: certify(statement, [3]) })).toBe(false);
  });
});

describe('a broken promise', () => {
  const session = parties.owner('alice').begin('shop');
  const operations = ['a', 'b', 'c'].map((payload) => ({ kind: 'call', payload }) as const);
  const heads: Digest[] = [session.id, ...headsOf(session.run(operations))];
  const receipt = sign(3, {
    kind: 'receipt',
    ...{ session: session.id, sequence: 3, head: heads[3] as Digest, result: zero },
    ...{ base: 10, baseHistory: zero, deadline: 20, replica: replicaId(3) },
  } as const);
  const by = (replica: number, standing: SessionStanding, position = 20) => ({
    replica: replicaId(replica),
    standing,
    ...sign(replica, {
      kind: 'attestation',
      subject: { kind: 'session', session: session.id },
      value: digestOfStanding(standing),
      position,
    } as const),
  });
  const at = (next: number, since = 0): SessionStanding => ({
    ...{ next, head: heads[next - 1] as Digest, since },
  });
  const isProved = (attestations: BrokenPromise['attestations'], first = 1): boolean =>
    verifyBrokenPromise(keyring, { receipt, operations: operations.slice(first - 1), attestations })
      .ok;

  it('is proved by f + 1 past the deadline, wherever on the way the session was', () => {
    expect(isProved([by(0, at(2)), by(1, at(2))], 2)).toBe(true);
    expect(isProved([by(0, at(1)), by(1, at(3))])).toBe(true);
    expect(isProved([by(0, at(3)), by(1, at(3))], 3)).toBe(true);
  });

  it('is not where the session has come that far, or time is left', () => {
    expect(isProved([by(0, at(2)), by(1, at(4))], 2)).toBe(false);
    expect(isProved([by(0, at(2)), by(1, at(2), 19)], 2)).toBe(false);
  });

  it('is not where the session was forgotten after the promise', () => {
    expect(isProved([by(0, at(1, 10)), by(1, at(1, 10))])).toBe(true);
    expect(isProved([by(0, at(1, 11)), by(1, at(1, 11))])).toBe(false);
    // One that is there has not been forgotten, whatever others have.
    expect(isProved([by(0, at(2, 15)), by(1, at(2, 15))], 2)).toBe(true);
  });

  it('is not where another operation came in between', () => {
    const forked = { next: 2, head: digest('cc'.repeat(32)), since: 0 };
    expect(isProved([by(0, forked), by(1, forked)], 2)).toBe(false);
    expect(isProved([by(0, at(2)), by(1, forked)], 2)).toBe(false);
  });
});

describe('a message between replicas', () => {
  const run: SessionRun = parties.owner('alice').begin('shop').call('a', 'b');
  const result = digest('aa'.repeat(32));
  const operation = (replica: number) => {
    const session = parties.owner('alice').begin('shop');
    const of = session.call('a');
    return {
      session: session.id,
      sequence: 1,
      head: of.before,
      result,
      replica: replicaId(replica),
    };
  };
  const takes = (from: number, message: SessionMessage): boolean =>
    verifySessionMessage(keyring, owners, replicaId(from), message).ok;

  it('tells receipts of its sender for operations of its run only', () => {
    const verified = verifyRun(owners, run);
    if (!verified.ok) throw new Error('not a run');
    const { session, heads } = verified.value;
    const receipt = (signer: number, changed: object = {}) =>
      sign(signer, {
        kind: 'receipt',
        ...{ session, sequence: 2, head: heads[1] as Digest, result, replica: replicaId(1) },
        ...{ base: 0, baseHistory: zero, deadline: 10, ...changed },
      } as const);
    const message = (one: ReturnType<typeof receipt>): SessionMessage => ({
      kind: 'run',
      run,
      receipts: [one],
    });
    expect(takes(1, message(receipt(1)))).toBe(true);
    expect(takes(2, message(receipt(1)))).toBe(false);
    expect(takes(1, message(receipt(2)))).toBe(false);
    expect(takes(1, message(receipt(1, { sequence: 1 })))).toBe(false);
    expect(takes(1, message(receipt(1, { sequence: 3 })))).toBe(false);
    expect(takes(1, message(receipt(1, { session: zero })))).toBe(false);
    expect(takes(1, message(receipt(1, { head: zero })))).toBe(false);
    const forged = { ...run, signature: new Uint8Array(64) };
    expect(takes(1, { kind: 'run', run: forged, receipts: [] })).toBe(false);
    expect(takes(7, { kind: 'run', run, receipts: [] })).toBe(false);
  });

  it('tells what its sender signed only', () => {
    const witness = (replica: number, signer: number): SessionMessage => ({
      kind: 'witness',
      witnesses: [sign(signer, { kind: 'witness', ...operation(replica) } as const)],
    });
    expect(takes(1, witness(1, 1))).toBe(true);
    expect(takes(1, witness(2, 2))).toBe(false);
    expect(takes(1, witness(1, 2))).toBe(false);
    const signed: readonly ((signer: number) => SessionMessage)[] = [
      (signer) => ({
        kind: 'history',
        history: sign(signer, { kind: 'history', position: 1, before: zero, root: zero }),
      }),
      (signer) => ({
        kind: 'order',
        order: sign(signer, {
          kind: 'order',
          lane: 0,
          number: 1,
          owner: clientId('alice'),
          transfers: zero,
        }),
      }),
      (signer) => ({
        kind: 'attestation',
        attestation: sign(signer, {
          kind: 'attestation',
          subject: { kind: 'state', application: 'shop', key: 'k' },
          value: null,
          position: 1,
        }),
      }),
    ];
    for (const make of signed) {
      expect(takes(1, make(1))).toBe(true);
      expect(takes(2, make(1))).toBe(false);
    }
  });

  it('tells outcomes with f + 1 signatures under just these', () => {
    const outcomes = fc.sample(anyOutcome, { seed: 9, numRuns: 3 });
    const { root } = new OutcomeTree(outcomes);
    const statement = { kind: 'history', position: 1, before: zero, root } as const;
    const certificate = certify(statement);
    expect(takes(1, { kind: 'final', outcomes, certificate })).toBe(true);
    expect(takes(1, { kind: 'final', outcomes: outcomes.slice(1), certificate })).toBe(false);
    expect(takes(1, { kind: 'final', outcomes: [], certificate })).toBe(false);
    const one = certify(statement, [0]);
    expect(takes(1, { kind: 'final', outcomes, certificate: one })).toBe(false);
    expect(takes(1, { kind: 'certificate', certificate })).toBe(true);
    expect(takes(1, { kind: 'certificate', certificate: one })).toBe(false);
    const [first, second] = certificate.signatures;
    if (!first || !second) throw new Error('too few signatures');
    const signatures = [first, { ...second, signature: first.signature }];
    expect(takes(1, { kind: 'certificate', certificate: { ...certificate, signatures } })).toBe(
      false,
    );
  });
});
