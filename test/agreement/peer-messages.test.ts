import { describe, expect, test } from 'vitest';
import { verifyPeerMessage } from '../../src/agreement/check-message.js';
import type { PeerMessage, Slot } from '../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import { digestOfSigned } from '../../src/agreement/signing.js';
import { sha256 } from '../../src/kernel/digest.js';
import {
  attempt,
  digest,
  initiatorId,
  participantId,
  replicaId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import { Evidence, upTo } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { verdict } from './verdict.js';

const evidence = new Evidence(testCluster());
const { cluster, keyring } = evidence.of;
const activation = evidence.activationValue();
const commit = evidence.commitValue();
const question = sha256(new Uint8Array());
const outcomeSlot: Slot = { kind: 'outcome', tid: evidence.tid };
const inView = (number: number) => ({ ballot: { view: view(number), attempt: attempt(0) } });

const judged = (from: number, message: PeerMessage) =>
  verdict(verifyPeerMessage(keyring, replicaId(from), message));
/** What replica `from` sends, as it arrives over the wire. */
const received = (from: number, message: PeerMessage) =>
  judged(from, decodePeerMessage(cluster.id, encodePeerMessage(message)));

const update = (over: Partial<Extract<PeerMessage, { kind: 'pre-prepare-update' }>> = {}) =>
  ({
    kind: 'pre-prepare-update',
    prePrepare: evidence.prePrepare(activation),
    chosen: activation.proposals.map((proposal) => ({
      replica: proposal.statement.replica,
      digest: digestOfSigned(proposal),
    })),
    ...over,
  }) as const;
const opening = (proposer: number, over: object = {}) =>
  ({
    kind: 'activation-pre-prepare',
    requests: evidence.requests(),
    proposal: evidence.proposal(proposer, over),
  }) as const;

/** The kinds that three phases have no use for. */
const ofTwoSteps: readonly PeerMessage['kind'][] = ['closing', 'bonded'];

test('honest messages of every kind verify', () => {
  const prepared = evidence.prepared(commit);
  const messages: { [Kind in PeerMessage['kind']]: PeerMessage & { kind: Kind } } = {
    requests: { kind: 'requests', requests: evidence.requests() },
    'activation-pre-prepare': opening(1, { view: view(1) }),
    'pre-prepare-reply': { kind: 'pre-prepare-reply', proposal: evidence.proposal(1) },
    'pre-prepare-update': update(),
    'pre-prepare': { kind: 'pre-prepare', prePrepare: prepared.prePrepare, value: commit },
    phase: { kind: 'phase', signed: evidence.signedPhase(1, evidence.phase('prepare', commit)) },
    record: { kind: 'record', record: evidence.vote('bank-a') },
    'view-change': { kind: 'view-change', viewChange: evidence.viewChange(1, 1, [prepared]) },
    'new-view': {
      kind: 'new-view',
      newView: evidence.newView(
        1,
        [0, 2, 3].map((i) => evidence.viewChange(i, 1, i === 2 ? [prepared] : [])),
      ),
    },
    prepared: { kind: 'prepared', certificate: prepared },
    decided: { kind: 'decided', proof: evidence.decision(activation) },
    fetch: { kind: 'fetch', slot: outcomeSlot },
    'fetch-transaction': { kind: 'fetch-transaction', tid: evidence.tid, question },
    'unknown-transaction': { kind: 'unknown-transaction', tid: evidence.tid, question },
    recover: { kind: 'recover', question, after: 0, floors: true, leave: view(1) },
    inventory: {
      kind: 'inventory',
      question,
      after: 0,
      last: true,
      view: view(1),
      entered: view(1),
      recovering: false,
      open: [outcomeSlot],
      finished: [],
      floors: [[evidence.request(0), evidence.request(1)]],
    },
    closing: { kind: 'closing', signed: evidence.closing(1) },
    bonded: { kind: 'bonded', slot: outcomeSlot, view: view(1), proposal: null },
  };
  for (const message of Object.values(messages)) {
    if (ofTwoSteps.includes(message.kind)) {
      expect(received(1, message)).toBe('mismatch: message and agreement of the cluster');
      continue;
    }
    expect([message.kind, received(1, message)]).toEqual([message.kind, 'ok']);
    expect(received(4, message)).toBe('unknown-signer: replica 4');
  }
});

test('a statement of a short message is a part of it, and keeps no long one', () => {
  const floors = Array.from({ length: 20 }, () => [evidence.request(0), evidence.request(1)]);
  const page = (count: number) =>
    ({
      kind: 'inventory',
      ...{ question, after: 0, last: true, view: view(1), entered: view(0), recovering: false },
      ...{ open: [], finished: [], floors: floors.slice(0, count) },
    }) as const;
  const kept = (message: PeerMessage) => {
    const bytes = encodePeerMessage(message).slice();
    const decoded = decodePeerMessage(cluster.id, bytes);
    if (decoded.kind !== 'inventory') throw new Error('no inventory');
    const [request] = decoded.floors[0] ?? [];
    return { length: bytes.length, isPart: request?.bytes.buffer === bytes.buffer };
  };
  const [short, long] = [kept(page(1)), kept(page(20))];
  expect(short.length).toBeLessThan(4096);
  expect(long.length).toBeGreaterThan(4096);
  expect([short.isPart, long.isPart]).toEqual([true, false]);
});

test('what may be relayed may come from anybody', () => {
  const prePrepare = evidence.prePrepare(commit, inView(2));
  expect(received(3, { kind: 'pre-prepare', prePrepare, value: commit })).toBe('ok');
  expect(received(3, update())).toBe('ok');
  const newView = evidence.newView(
    1,
    upTo(3).map((i) => evidence.viewChange(i, 1)),
  );
  expect(received(0, { kind: 'new-view', newView })).toBe('ok');
});

describe('requests and records', () => {
  test('each is signed by whom it names', () => {
    const forged = evidence.request(0, { initiator: initiatorId(1) });
    const requests = [evidence.request(0), forged];
    expect(received(1, { kind: 'requests', requests })).toBe('bad-signature: initiator 1');
    const record = evidence.vote('bank-a', 'aborted', { participant: participantId('bank-b') });
    expect(received(1, { kind: 'record', record })).toBe('bad-signature: participant bank-b');
  });
});

describe('activation-pre-prepare', () => {
  test('comes from the primary of its view, with the proposal of its own', () => {
    expect(received(0, opening(0))).toBe('ok');
    expect(received(1, opening(1))).toBe('wrong-signer: the primary proposes');
    expect(received(1, opening(0))).toBe('wrong-signer: the sender speaks for itself');
    expect(received(0, opening(1, { replica: replicaId(0) }))).toBe('bad-signature: replica 0');
  });

  test('holds f + 1 requests of different initiators, all for its slot', () => {
    const withRequests = (...requests: ReturnType<Evidence['requests']>) =>
      received(0, { ...opening(0), requests });
    expect(withRequests(evidence.request(0))).toBe('wrong-count: 1 of 2 requests');
    expect(withRequests(evidence.request(0), evidence.request(0))).toBe(
      'unordered: initiators of the requests',
    );
    const later = evidence.request(1, { timestamp: 1 });
    expect(withRequests(evidence.request(0), later)).toBe('mismatch: request and slot');
    const other = evidence.request(1, { request: digest('00'.repeat(32)) });
    expect(withRequests(evidence.request(0), other)).toBe('mismatch: contents of the requests');
    const forged = evidence.request(0, { initiator: initiatorId(1) });
    expect(withRequests(evidence.request(0), forged)).toBe('bad-signature: initiator 1');
    expect(received(0, opening(0, { slot: outcomeSlot }))).toBe('mismatch: request and slot');
  });
});

describe('pre-prepare-reply', () => {
  test('is the sender’s own, for an activation', () => {
    const reply = (signer: number, over: object = {}) =>
      ({ kind: 'pre-prepare-reply', proposal: evidence.proposal(signer, over) }) as const;
    expect(received(2, reply(1))).toBe('wrong-signer: the sender speaks for itself');
    expect(received(1, reply(2, { replica: replicaId(1) }))).toBe('bad-signature: replica 1');
    expect(received(1, reply(1, { slot: outcomeSlot }))).toBe('wrong-kind: outcome');
  });
});

describe('pre-prepare-update', () => {
  test('is signed by the primary as a pre-prepare of an activation', () => {
    const { statement } = evidence.prePrepare(activation);
    const usurped = update({ prePrepare: evidence.signedPhase(1, statement) });
    expect(received(1, usurped)).toBe('bad-signature: replica 0');
    const prepare = evidence.signedPhase(0, { ...statement, phase: 'prepare' });
    expect(received(0, update({ prePrepare: prepare }))).toBe('wrong-kind: prepare');
    const outcome = update({ prePrepare: evidence.prePrepare(commit) });
    expect(received(0, outcome)).toBe('wrong-kind: outcome');
  });

  test('chooses proposals of exactly a quorum of different replicas', () => {
    const { chosen } = update();
    expect(received(0, update({ chosen: chosen.slice(1) }))).toBe(
      'wrong-count: 2 of 3 chosen proposals',
    );
    expect(judged(0, update({ chosen: chosen.toReversed() }))).toBe('unordered: chosen proposals');
    const strange = { replica: replicaId(9), digest: digest('00'.repeat(32)) };
    expect(received(0, update({ chosen: [...chosen.slice(0, 2), strange] }))).toBe(
      'unknown-signer: replica 9',
    );
  });
});

describe('pre-prepare', () => {
  test('is signed by the primary of its view, over this value', () => {
    const statement = evidence.phase('pre-prepare', commit, inView(1));
    const prePrepare = evidence.signedPhase(0, statement);
    expect(received(0, { kind: 'pre-prepare', prePrepare, value: commit })).toBe(
      'bad-signature: replica 1',
    );
    const prepare = evidence.signedPhase(1, { ...statement, phase: 'prepare' });
    expect(received(1, { kind: 'pre-prepare', prePrepare: prepare, value: commit })).toBe(
      'wrong-kind: prepare',
    );
    const value = evidence.commitValue({ records: commit.records.slice(1) });
    const good = evidence.prePrepare(commit);
    expect(received(0, { kind: 'pre-prepare', prePrepare: good, value })).toBe(
      'mismatch: digest of the value',
    );
  });
});

describe('phase', () => {
  const phaseFrom = (from: number, phase: 'pre-prepare' | 'prepare' | 'commit', signer = from) =>
    received(from, {
      kind: 'phase',
      signed: evidence.signedPhase(signer, evidence.phase(phase, commit)),
    });

  test('is signed by the sender', () => {
    expect(phaseFrom(1, 'prepare', 2)).toBe('bad-signature: replica 1');
    expect(phaseFrom(1, 'commit', 2)).toBe('bad-signature: replica 1');
  });

  test('is a prepare of a backup or a commit of anybody', () => {
    expect(phaseFrom(0, 'commit')).toBe('ok');
    expect(phaseFrom(0, 'prepare')).toBe('wrong-signer: a backup prepares');
    expect(phaseFrom(0, 'pre-prepare')).toBe('wrong-kind: pre-prepare');
  });
});

describe('view-change', () => {
  const change = (viewChange: ReturnType<Evidence['viewChange']>, from = viewChange.replica) =>
    judged(from, { kind: 'view-change', viewChange });
  const lock = evidence.prepared(commit);

  test('is the sender’s own', () => {
    const own = evidence.viewChange(1, 1);
    expect(change(own, replicaId(2))).toBe('wrong-signer: the sender speaks for itself');
    expect(change({ ...own, replica: replicaId(2) })).toBe('bad-signature: replica 2');
  });

  test('is locked in earlier views only', () => {
    expect(change(evidence.viewChange(2, 2, [evidence.prepared(commit, inView(1))]))).toBe('ok');
    expect(change(evidence.viewChange(2, 1, [evidence.prepared(commit, inView(1))]))).toBe(
      'mismatch: view of a prepared certificate',
    );
  });

  test('holds one good certificate a slot', () => {
    const prepares = evidence.certificate(lock.prepares.statement, [1]);
    expect(change(evidence.viewChange(2, 1, [{ ...lock, prepares }]))).toBe(
      'wrong-count: 1 of 2 prepares',
    );
    const two = evidence.viewChange(2, 1, [evidence.prepared(activation), lock]);
    const prepared = two.statement.prepared.toReversed();
    expect(change({ ...two, statement: { ...two.statement, prepared } })).toBe(
      'unordered: prepared certificates',
    );
  });
});

describe('new-view', () => {
  const changes = upTo(3).map((i) => evidence.viewChange(i, 1));
  const opened = (newView: ReturnType<Evidence['newView']>) =>
    judged(1, { kind: 'new-view', newView });

  test('is signed by the primary of the view', () => {
    const good = evidence.newView(1, changes);
    const signature = evidence.of.replicaSign(2)(good.bytes);
    expect(opened({ ...good, signature })).toBe('bad-signature: replica 1');
  });

  test('holds a quorum of view changes of different replicas to this view', () => {
    expect(opened(evidence.newView(1, changes.slice(1)))).toBe('wrong-count: 2 of 3 view changes');
    const good = evidence.newView(1, changes);
    const [first] = changes;
    if (first === undefined) throw new Error('no view change');
    const statement = { ...good.statement, viewChanges: [first, first, ...changes.slice(1)] };
    expect(opened({ ...good, statement })).toBe('unordered: view changes');
    const stale = [...changes.slice(0, 2), evidence.viewChange(2, 5)];
    expect(opened(evidence.newView(1, stale))).toBe('mismatch: view of a view change');
  });

  test('holds only good view changes', () => {
    const forged = { ...evidence.viewChange(3, 1), replica: replicaId(2) };
    expect(opened(evidence.newView(1, [...changes.slice(0, 2), forged]))).toBe(
      'bad-signature: replica 2',
    );
    const lock = evidence.prepared(evidence.commitValue({ completion: [] }));
    const unfounded = [...changes.slice(0, 2), evidence.viewChange(2, 1, [lock])];
    expect(opened(evidence.newView(1, unfounded))).toMatch(/^unfounded-outcome/);
  });
});

describe('prepared and decided', () => {
  test('are checked as certificates and proofs', () => {
    const certificate = evidence.prepared(evidence.commitValue({ completion: [] }));
    expect(received(1, { kind: 'prepared', certificate })).toMatch(/^unfounded-outcome/);
    const result = {
      kind: 'activation',
      tid: transactionId('00000000-0000-8000-8000-00000000beef'),
      content: digest('00'.repeat(32)),
    } as const;
    const proof = evidence.decision(activation, { result });
    expect(received(1, { kind: 'decided', proof })).toBe('mismatch: transaction id and proposals');
  });
});
