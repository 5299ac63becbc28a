import { describe, expect, test } from 'vitest';
import {
  decodeCommitCertificate,
  decodeDecisionProof,
  encodeCommitCertificate,
  encodeDecisionProof,
} from '../../src/agreement/certificate.js';
import type { OutcomeValue, PhaseStatement } from '../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import {
  decodeSigned,
  decodeSignedStatement,
  decodeStatement,
  encodeSigned,
  encodeStatement,
} from '../../src/agreement/signing.js';
import type { ActivationStatement } from '../../src/agreement/statements.js';
import { decodeValue, encodeValue } from '../../src/agreement/values.js';
import { WireError } from '../../src/kernel/codec/bytes.js';
import { limits } from '../../src/kernel/codec/limits.js';
import {
  attempt,
  clientId,
  clusterId,
  digest,
  enlistmentId,
  initiatorId,
  replicaId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import { Evidence, upTo } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';

const evidence = new Evidence(testCluster());
const cluster = evidence.of.cluster.id;
const other = clusterId('other');
const question = digest('ab'.repeat(32));

const activation: ActivationStatement = {
  kind: 'activation',
  client: clientId('alice/7'),
  timestamp: 2 ** 40 + 5,
  request: digest('ab'.repeat(32)),
  expiresMs: 30_000,
  initiator: initiatorId(2),
};

/** The bytes with the first two of these parts, of one length, in each other's place. */
function swapped(bytes: Uint8Array, [first, second]: readonly Uint8Array[]): Uint8Array {
  const copy = Buffer.from(bytes);
  if (first === undefined || second === undefined) throw new RangeError('not two parts');
  const [a, b] = [copy.indexOf(first), copy.indexOf(second)];
  if (a < 0 || b < 0 || first.length !== second.length) throw new RangeError('not two such parts');
  copy.set(second, a);
  copy.set(first, b);
  return copy;
}

describe('the bytes that are signed', () => {
  test('are these, byte by byte', () => {
    const text = Buffer.from(encodeStatement(cluster, activation));
    expect(text.subarray(0, 11).toString()).toBe('concordat/1');
    expect(text.subarray(11).toString('hex')).toBe(
      [
        '00', // activation
        '0004',
        Buffer.from('test').toString('hex'),
        '0007',
        Buffer.from('alice/7').toString('hex'),
        '0000010000000005',
        'ab'.repeat(32),
        '0000000000007530',
        '0002',
      ].join(''),
    );
  });

  test('differ by phase, cluster, slot, view and attempt', () => {
    const commit = evidence.phase('commit', evidence.commitValue());
    const otherTid = transactionId('00000000-0000-8000-8000-00000000beef');
    const variants: [typeof cluster, PhaseStatement][] = [
      [cluster, commit],
      [cluster, { ...commit, phase: 'prepare' }],
      [cluster, { ...commit, phase: 'pre-prepare' }],
      [other, commit],
      [cluster, { ...commit, slot: { kind: 'outcome', tid: otherTid } }],
      [cluster, { ...commit, ballot: { view: view(1), attempt: attempt(0) } }],
      [cluster, { ...commit, ballot: { view: view(0), attempt: attempt(1) } }],
    ];
    const texts = variants.map(([id, statement]) =>
      Buffer.from(encodeStatement(id, statement)).toString('hex'),
    );
    expect(new Set(texts).size).toBe(variants.length);
  });

  test('are refused in another cluster, wherever they are nested', () => {
    const request = evidence.request(0);
    const proof = evidence.decision(evidence.commitValue());
    const newView = evidence.newView(
      1,
      upTo(3).map((i) => evidence.viewChange(i, 1)),
    );
    expect(() => decodeStatement(other, request.bytes)).toThrow(/another cluster/);
    expect(() => decodeSigned(other, encodeSigned(request))).toThrow(/another cluster/);
    expect(() => decodeSignedStatement(other, encodeSigned(request))).toThrow(/another cluster/);
    expect(() => decodeValue(other, encodeValue(proof.value))).toThrow(/another cluster/);
    expect(() => decodeCommitCertificate(other, encodeCommitCertificate(proof.commits))).toThrow(
      /another cluster/,
    );
    expect(() => decodeDecisionProof(other, encodeDecisionProof(proof))).toThrow(/another cluster/);
    expect(() =>
      decodePeerMessage(other, encodePeerMessage({ kind: 'new-view', newView })),
    ).toThrow(/another cluster/);
  });

  test('of a replica are no statement of an initiator or participant', () => {
    const bytes = encodeSigned(evidence.proposal(0));
    expect(decodeSigned(cluster, bytes).statement.kind).toBe('proposal');
    expect(() => decodeSignedStatement(cluster, bytes)).toThrow(WireError);
  });
});

describe('lists that mean sets', () => {
  test('signatures by replica', () => {
    const { commits } = evidence.decision(evidence.commitValue());
    const parts = commits.signatures.map(({ replica, signature }) =>
      Buffer.concat([Uint8Array.of(0, replica), signature]),
    );
    const bytes = encodeCommitCertificate(commits);
    expect(() => decodeCommitCertificate(cluster, swapped(bytes, parts))).toThrow(/out of order/);
    const twice = { ...commits, signatures: [...commits.signatures, ...commits.signatures] };
    expect(() => encodeCommitCertificate(twice)).toThrow(/out of order/);
  });

  test('proposals by replica', () => {
    const value = evidence.activationValue();
    const parts = value.proposals.map(encodeSigned);
    const bytes = swapped(encodeValue(value), parts);
    expect(() => decodeValue(cluster, bytes)).toThrow(/out of order/);
    const twice = { ...value, proposals: [evidence.proposal(0), evidence.proposal(0)] };
    expect(() => encodeValue(twice)).toThrow(/out of order/);
  });

  test('records by enlistment', () => {
    const value = evidence.commitValue();
    const parts = value.records.map(({ registration }) => encodeSigned(registration));
    const bytes = swapped(encodeValue(value), parts);
    expect(() => decodeValue(cluster, bytes)).toThrow(/out of order/);
    const record = evidence.record('bank-a');
    expect(() => encodeValue({ ...value, records: [record, record] })).toThrow(/out of order/);
  });

  test('chosen proposals by replica', () => {
    const prePrepare = evidence.prePrepare(evidence.activationValue());
    const chosen = [1, 0].map((i) => ({ replica: replicaId(i), digest: digest('00'.repeat(32)) }));
    expect(() => encodePeerMessage({ kind: 'pre-prepare-update', prePrepare, chosen })).toThrow(
      /out of order/,
    );
    const bytes = encodePeerMessage({
      kind: 'pre-prepare-update',
      prePrepare,
      chosen: chosen.toReversed(),
    });
    bytes.set([0, 1], bytes.length - 2 * 34);
    expect(() => decodePeerMessage(cluster, bytes)).toThrow(/out of order/);
  });

  test('view changes by replica, prepared certificates by slot', () => {
    const prepared = [evidence.activationValue(), evidence.commitValue()].map((value) =>
      evidence.prepared(value),
    );
    expect(() => evidence.viewChange(2, 1, prepared.toReversed())).toThrow(/out of order/);
    const changes = upTo(3).map((i) => evidence.viewChange(i, 1));
    expect(() => evidence.newView(1, changes.toReversed())).toThrow(/out of order/);

    const { bytes } = evidence.newView(1, changes);
    const parts = changes.map((change) =>
      Buffer.concat([Uint8Array.of(0, change.replica), encodeSigned(change)]),
    );
    expect(() => decodeStatement(cluster, swapped(bytes, parts))).toThrow(/out of order/);
    const { bytes: locked } = evidence.viewChange(2, 1, [
      evidence.prepared(evidence.commitValue()),
    ]);
    const firstLock = 28; // after domain, kind, cluster, view and the number of locks
    const doubled = Buffer.concat([locked, locked.subarray(firstLock)]);
    doubled.writeUInt16BE(2, firstLock - 2);
    expect(() => decodeStatement(cluster, doubled)).toThrow(/out of order/);
  });
});

describe('fields', () => {
  test('a flag is 0 or 1', () => {
    const vote = evidence.vote('bank-a');
    const records = [{ registration: evidence.registration('bank-a'), vote }];
    const bytes = Buffer.from(encodeValue(evidence.commitValue({ records })));
    const flagAt = bytes.indexOf(encodeSigned(vote)) - 1;
    expect(bytes[flagAt]).toBe(1);
    bytes[flagAt] = 2;
    expect(() => decodeValue(cluster, bytes)).toThrow(/flag/);
  });

  test('a number is a safe integer, unsigned', () => {
    const bytes = encodeStatement(cluster, activation);
    const at = Buffer.from(bytes).indexOf('0000010000000005', 'hex');
    bytes[at + 1] = 0x20;
    expect(() => decodeStatement(cluster, bytes)).toThrow(/2\^53/);
    for (const timestamp of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => encodeStatement(cluster, { ...activation, timestamp })).toThrow(WireError);
    }
  });

  test('a name has the form of its id', () => {
    const bytes = Buffer.from(encodeStatement(cluster, activation));
    bytes.write(' ', bytes.indexOf('alice'));
    expect(() => decodeStatement(cluster, bytes)).toThrow(/name/);
    expect(() => encodeStatement(cluster, { ...activation, client: 'a b' as never })).toThrow(
      /name/,
    );
  });

  test('hexadecimal ids are lower-case and of full length', () => {
    for (const request of ['AB'.repeat(32), 'ab'.repeat(31), 'ab'.repeat(33), 'zz'.repeat(32)]) {
      const statement = { ...activation, request: request as never };
      expect(() => encodeStatement(cluster, statement)).toThrow(WireError);
    }
    const tid = evidence.tid.replaceAll('-', '') as never;
    expect(() => encodePeerMessage({ kind: 'fetch-transaction', tid, question })).toThrow(
      WireError,
    );
  });

  test('text is UTF-8, whole and bounded; a byte order mark is part of it', () => {
    const { statement, bytes } = evidence.registration('bank-a', {
      address: '\ufeffhttp://a/é',
      invitations: [],
    });
    expect(decodeStatement(cluster, bytes)).toEqual(statement);
    const broken = Buffer.from(bytes);
    // Behind the address is the number of invitations, two bytes.
    broken[broken.length - 3] = 0xff;
    expect(() => decodeStatement(cluster, broken)).toThrow(/UTF-8/);
    const half = { ...statement, address: 'http://a/\ud800' };
    expect(() => encodeStatement(cluster, half)).toThrow(/surrogate/);
    const long = { ...statement, address: 'a'.repeat(limits.addressBytes + 1) };
    expect(() => encodeStatement(cluster, long)).toThrow(/more than 512/);
    const { bytes: full } = evidence.registration('bank-a', {
      address: 'a'.repeat(512),
      invitations: [],
    });
    const overfull = Buffer.concat([full, Buffer.from('a')]);
    overfull.writeUInt16BE(513, full.length - 2 - 512 - 2);
    expect(() => decodeStatement(cluster, overfull)).toThrow(/more than 512/);
  });

  test('slot and result are of one kind', () => {
    const commit = evidence.phase('commit', evidence.commitValue(), {
      result: { kind: 'activation', tid: evidence.tid, content: digest('00'.repeat(32)) },
    });
    expect(() => encodeStatement(cluster, commit)).toThrow(WireError);
  });

  test('a signature has 64 bytes', () => {
    const signed = evidence.request(0);
    const cut = { ...signed, signature: signed.signature.subarray(1) };
    expect(() => encodeSigned(cut)).toThrow(/signature/);
  });

  test('a view change is no new-view, nor the other way round', () => {
    const viewChange = evidence.viewChange(1, 1);
    const newView = evidence.newView(1, []);
    const asNewView = encodePeerMessage({ kind: 'new-view', newView: viewChange as never });
    expect(() => decodePeerMessage(cluster, asNewView)).toThrow(/view-change where/);
    const asViewChange = encodePeerMessage({
      kind: 'view-change',
      viewChange: { ...newView, replica: replicaId(1) } as never,
    });
    expect(() => decodePeerMessage(cluster, asViewChange)).toThrow(/new-view where/);
  });

  test('tags are known', () => {
    const bytes = encodePeerMessage({ kind: 'fetch-transaction', tid: evidence.tid, question });
    bytes[0] = 0xee;
    expect(() => decodePeerMessage(cluster, bytes)).toThrow(WireError);
  });
});

describe('limits', () => {
  test('participants of a transaction', () => {
    const record = (index: number) => ({
      registration: evidence.registration('bank-a', {
        enlistment: enlistmentId(`bank-a.D-${String(index).padStart(4, '0')}`),
      }),
    });
    const value = (count: number): OutcomeValue => ({
      kind: 'outcome',
      tid: evidence.tid,
      outcome: 'abort',
      reason: 'timeout',
      records: upTo(count).map(record),
      completion: [],
    });
    const full = encodeValue(value(limits.participants));
    expect(decodeValue(cluster, full)).toEqual(value(limits.participants));
    expect(() => encodeValue(value(limits.participants + 1))).toThrow(/more than 256/);
    // Kind, id, outcome and reason come before the number of records.
    Buffer.from(full.buffer).writeUInt16BE(limits.participants + 1, 19);
    expect(() => decodeValue(cluster, full)).toThrow(/more than 256/);
  });

  test('a length beyond the input costs nothing', () => {
    const bytes = encodeSigned(evidence.request(0));
    Buffer.from(bytes.buffer).writeUInt32BE(0xffff_ffff, 0);
    expect(() => decodeSigned(cluster, bytes)).toThrow(/ends too early/);
  });

  test('a peer message', () => {
    const bytes = new Uint8Array(limits.peerMessageBytes + 1);
    expect(() => decodePeerMessage(cluster, bytes)).toThrow(/message of more/);
  });
});
