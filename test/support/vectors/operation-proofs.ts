import { Writer } from '../../../src/kernel/codec/bytes.js';
import { digestOfHex, digestOfText, sha256 } from '../../../src/kernel/digest.js';
import { clusterId, type Digest, replicaId } from '../../../src/kernel/ids.js';
import { OutcomeTree, rootOf } from '../../../src/session/check-proof.js';
import { outcomeProofJson } from '../../../src/session/http/proof-json.js';
import { signSession, writeOutcome } from '../../../src/session/proof.js';
import { firstHistory } from '../../../src/session/run.js';
import type {
  HistoryStatement,
  OperationOutcome,
  OutcomeProof,
  SessionCertificate,
  SessionId,
} from '../../../src/session/types.js';
import { vectorParties } from './outcome-proofs.js';
import { vectorSession } from './session-statements.js';

export interface SessionProofVector {
  readonly name: string;
  /** As coordinators serve it, or changed. */
  readonly proof: unknown;
  /** What it proves; `null` where it is to be refused. */
  readonly proves: object | null;
}

const { id } = vectorParties.cluster;
const results: OperationOutcome['result'][] = [
  { kind: 'done', result: '{"at":"Łódź"}' },
  { kind: 'rejected', reason: 'no such package: 数📦' },
  { kind: 'done', result: '' },
  { kind: 'done', result: 'seven' },
  { kind: 'rejected', reason: '' },
];
const outcomes = results.map((result, index): OperationOutcome => {
  const head = digestOfText(`vectors/head ${index + 1}`);
  return { session: vectorSession, sequence: index + 1, head, result };
});
const tree = new OutcomeTree(outcomes);
const [first, second] = outcomes as [OperationOutcome, OperationOutcome];
const path = tree.path(0);

function history(over: Partial<HistoryStatement> = {}): HistoryStatement {
  return { kind: 'history', position: 4, before: firstHistory(id), root: tree.root, ...over };
}

function certify(
  replicas: readonly number[] = [1, 3],
  statement = history(),
  cluster = id,
): SessionCertificate<HistoryStatement> {
  const signed = replicas.map((replica) => ({
    replica: replicaId(replica),
    ...signSession(vectorParties.replicaSign(replica), cluster, statement),
  }));
  const signatures = signed.map(({ replica, signature }) => ({ replica, signature }));
  return { statement, bytes: signed[0]?.bytes ?? new Uint8Array(), signatures };
}

/** A good proof, but for what a vector overrides. */
function proofOf(index = 0, over: Partial<OutcomeProof> = {}): OutcomeProof {
  const outcome = outcomes[index] ?? first;
  return { outcome, path: tree.path(index), certificate: certify(), ...over };
}

function accepted(name: string, proof: OutcomeProof): SessionProofVector {
  const { outcome, certificate } = proof;
  const { position } = certificate.statement;
  const coordinators = certificate.signatures.map(({ replica }) => replica);
  const proves = { kind: 'operation', ...outcome, position, coordinators };
  return { name, proof: outcomeProofJson(proof), proves };
}

function refused(name: string, over: Partial<OutcomeProof>): SessionProofVector {
  return { name, proof: outcomeProofJson(proofOf(0, over)), proves: null };
}

/** Proofs of operations' outcomes. */
export function operationProofVectors(): readonly SessionProofVector[] {
  return [...good(), ...otherOutcomes(), ...otherPaths(), ...otherSigned(), ...otherFields()];
}

function good(): SessionProofVector[] {
  const { root } = new OutcomeTree([first]);
  const certificate = certify([0, 2], history({ root }));
  return [
    accepted('the first of five outcomes', proofOf()),
    accepted('one that was rejected, with a reason that is not ASCII', proofOf(1)),
    accepted('one with an empty result', proofOf(2)),
    accepted('the last of five, whose leaf goes up without a sibling', proofOf(4)),
    accepted('the only outcome of its position', { outcome: first, path: [], certificate }),
    accepted('one that all replicas signed', proofOf(3, { certificate: certify([0, 1, 2, 3]) })),
  ];
}

function otherOutcomes(): SessionProofVector[] {
  const outcome = (name: string, over: Partial<OperationOutcome>) =>
    refused(name, { outcome: { ...first, ...over } });
  const session = digestOfText('vectors/another session') as SessionId;
  return [
    outcome('another result', { result: { kind: 'done', result: '{"at":"Lodz"}' } }),
    outcome('a reason in place of a result', {
      result: { kind: 'rejected', reason: '{"at":"Łódź"}' },
    }),
    outcome('half a surrogate pair as the result', { result: { kind: 'done', result: '\ud800' } }),
    outcome('a result of more than 16,384 bytes', {
      result: { kind: 'rejected', reason: 'é'.repeat(8193) },
    }),
    outcome('another number of an operation', { sequence: 2 }),
    outcome('another head', { head: second.head }),
    outcome('another session', { session }),
  ];
}

function otherPaths(): SessionProofVector[] {
  const [step, ...rest] = path as [OutcomeProof['path'][number], ...OutcomeProof['path']];
  const long = Array.from({ length: 65 }, () => step);
  const turned = { ...step, side: 'left' } as const;
  // Replicas signed the root of another kind of tree, over the first outcome and the second.
  const ofTwo = (root: Digest) => ({
    path: [step],
    certificate: certify([1, 3], history({ root })),
  });
  return [
    refused('the path of another leaf', { path: tree.path(2) }),
    refused('a path with a side swapped', { path: [turned, ...rest] }),
    refused('a path without its first step', { path: rest }),
    refused('a path without its last step', { path: path.slice(0, -1) }),
    refused('a path with a step twice', { path: [step, ...path] }),
    refused('a path from the root down', { path: path.toReversed() }),
    refused('an inner node hashed as a leaf', ofTwo(node([0], [0], step.digest))),
    refused('a leaf hashed as an inner node', ofTwo(node([1], [1], step.digest))),
    refused('a path of more than 64 steps', {
      path: long,
      certificate: certify([1, 3], history({ root: rootOf({ outcome: first, path: long }) })),
    }),
    refused('a leaf hashed without the zero byte', ofTwo(node([1], [], step.digest))),
    refused('an inner node hashed without the one byte', ofTwo(node([], [0], step.digest))),
  ];
}

/** The root over the first outcome and a sibling, with these bytes before an inner node and before a leaf. */
function node(inner: readonly number[], leaf: readonly number[], sibling: Digest): Digest {
  const writer = new Writer();
  writer.raw(Uint8Array.from(leaf));
  writeOutcome(writer, first);
  return digestOfHex(Uint8Array.from(inner), [sha256(writer.finish()), sibling]);
}

function otherSigned(): SessionProofVector[] {
  const certificate = (name: string, changed: SessionCertificate<HistoryStatement>) =>
    refused(name, { certificate: changed });
  const good = certify();
  const replaced = (signatures: SessionCertificate<HistoryStatement>['signatures']) => ({
    ...good,
    signatures,
  });
  const other = certify([1, 3], history({ position: 5 }));
  const [one, three] = good.signatures as [Signature, Signature];
  return [
    certificate('no signatures', replaced([])),
    certificate('one signature, where f + 1 are two', certify([1])),
    certificate('one replica twice', certify([1, 1])),
    certificate('replicas out of order', certify([3, 1])),
    certificate('a replica that the cluster does not have', {
      ...good,
      signatures: [one, { ...three, replica: replicaId(4) }],
    }),
    certificate('a signature of another replica', replaced([one, { ...three, ...sign(one) }])),
    certificate('a signature with a bit changed', replaced([one, changed(three)])),
    certificate('signatures of another position', replaced(other.signatures)),
    certificate('signatures in another cluster', certify([1, 3], history(), clusterId('other'))),
    certificate('signatures of another root', {
      ...good,
      statement: history({ root: second.head }),
    }),
    certificate(
      'a root that is not the outcome’s',
      certify([1, 3], history({ root: second.head })),
    ),
    certificate('signatures after another history', {
      ...good,
      statement: history({ before: second.head }),
    }),
  ];
}

type Signature = SessionCertificate<HistoryStatement>['signatures'][number];

function sign({ signature }: Signature): Pick<Signature, 'signature'> {
  return { signature };
}

function changed({ replica, signature }: Signature): Signature {
  return { replica, signature: signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) };
}

/** JSON that is no proof as coordinators serve it. */
function otherFields(): SessionProofVector[] {
  const text = JSON.stringify(outcomeProofJson(proofOf()));
  const [{ digest } = { digest: '' }] = path;
  const last = text[text.indexOf('=="') - 1] ?? '';
  const next = String.fromCharCode(last.charCodeAt(0) + 1);
  const edited = (name: string, from: string | RegExp, to: string) =>
    refusedJson(name, text, from, to);
  return [
    edited('a digest in capital letters', digest, digest.toUpperCase()),
    edited('a digest of a digit too few', digest, digest.slice(1)),
    edited('a signature without the padding of base64', '=="', '"'),
    edited('a signature with bits beyond its end', `${last}=="`, `${next}=="`),
    edited('a position in words', '"position":4', '"position":"4"'),
    edited('a position of zero', '"position":4', '"position":0'),
    edited('a position beyond 2^53 - 1', '"position":4', '"position":9007199254740992'),
    edited('a number of an operation that is zero', '"sequence":1', '"sequence":0'),
    edited('a side that is neither', '"side":"right"', '"side":"up"'),
    edited('a certificate of another kind', '"kind":"history"', '"kind":"witness"'),
    edited('no path', '"path"', '"way"'),
    edited('no result', '"result":"', '"reason":"'),
  ];
}

/** JSON with a text in place of another one. */
export function refusedJson(
  name: string,
  json: string,
  from: string | RegExp,
  to: string,
): SessionProofVector {
  const text = json.replace(from, to);
  if (text === json) throw new RangeError(`nothing to change for ${name}`);
  return { name, proof: JSON.parse(text), proves: null };
}
