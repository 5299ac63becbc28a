import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  mismatchUnless,
  replicaSigner,
  rising,
  type VerificationError,
} from '../agreement/check-signature.js';
import { Writer } from '../kernel/codec/bytes.js';
import { digestOfHex, digestOfText, sha256 } from '../kernel/digest.js';
import { type Digest, failed, ok, oneCorrect, type Result } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { Verifier } from '../kernel/verifier.js';
import { digestOfStanding, digestOfTransfers, writeOutcome } from './proof.js';
import { headsOf } from './run.js';
import type {
  BrokenPromise,
  CertifiedOrder,
  ContradictingReceipts,
  OperationOutcome,
  OutcomeProof,
  ReceiptStatement,
  SessionCertificate,
  SessionStanding,
  SessionStatement,
  StateProof,
} from './types.js';

// Leaves and inner nodes are hashed apart, so that none passes for the other (RFC 6962 §2.1).
const leafPrefix = Uint8Array.of(0);
const innerPrefix = Uint8Array.of(1);

/** The outcomes of a position as a Merkle tree. A node without a sibling goes up as it is. */
export class OutcomeTree {
  /** From the leaves up to the root. */
  readonly #levels: readonly (readonly Digest[])[];

  /** Throws `RangeError` for no outcomes. */
  constructor(outcomes: readonly OperationOutcome[]) {
    if (outcomes.length === 0) throw new RangeError('a tree without leaves');
    const levels: Digest[][] = [outcomes.map(digestOfLeaf)];
    for (let level = levels[0] ?? []; level.length > 1; ) {
      level = parents(level);
      levels.push(level);
    }
    this.#levels = levels;
  }

  get root(): Digest {
    return this.#levels.at(-1)?.[0] as Digest;
  }

  /** From the outcome at this place up to the root. */
  path(index: number): OutcomeProof['path'] {
    const path: OutcomeProof['path'][number][] = [];
    let at = index;
    for (const level of this.#levels) {
      const digest = level[at ^ 1];
      if (digest !== undefined) path.push({ side: at % 2 === 0 ? 'right' : 'left', digest });
      at >>= 1;
    }
    return path;
  }
}

/** The root that an outcome and its path lead to. */
export function rootOf({ outcome, path }: Pick<OutcomeProof, 'outcome' | 'path'>): Digest {
  return path.reduce(
    (node, { side, digest }) =>
      side === 'left' ? digestOfPair(digest, node) : digestOfPair(node, digest),
    digestOfLeaf(outcome),
  );
}

function parents(level: readonly Digest[]): Digest[] {
  return Array.from({ length: Math.ceil(level.length / 2) }, (_, index) => {
    const left = level[2 * index] as Digest;
    const right = level[2 * index + 1];
    return right === undefined ? left : digestOfPair(left, right);
  });
}

function digestOfLeaf(outcome: OperationOutcome): Digest {
  const writer = new Writer();
  writer.raw(leafPrefix);
  writeOutcome(writer, outcome);
  return sha256(writer.finish());
}

function digestOfPair(left: Digest, right: Digest): Digest {
  return digestOfHex(innerPrefix, [left, right]);
}

// Like all that is verified, what comes in here was decoded by `wire`, which binds it to the cluster
// and makes each `statement` of its `bytes`.

/** Checks, with nothing but the cluster's public keys, that the operation came to this outcome. */
export function verifyOperationProof(
  keyring: Verifier,
  proof: OutcomeProof,
): Result<OutcomeProof, VerificationError> {
  const finding =
    mismatchUnless(rootOf(proof) === proof.certificate.statement.root, 'outcome and history') ??
    checkSessionCertificate(keyring, proof.certificate);
  return finding ? failed(finding) : ok(proof);
}

/** Checks that the application's state had this value under the key. */
export function verifyStateProof(
  keyring: Verifier,
  proof: StateProof,
): Result<StateProof, VerificationError> {
  const value = digestOfText(proof.value);
  const finding =
    checkAttesters(keyring, proof.attestations) ??
    firstFinding(proof.attestations, ({ statement }) => {
      const { subject } = statement;
      const isOfKey =
        subject.kind === 'state' &&
        subject.application === proof.application &&
        subject.key === proof.key;
      return mismatchUnless(isOfKey && statement.value === value, 'value and attestation');
    }) ??
    checkAttestations(keyring, proof.attestations);
  return finding ? failed(finding) : ok(proof);
}

/** Checks that initiators may act on the order. */
export function verifyCertifiedOrder(
  keyring: Verifier,
  order: CertifiedOrder,
): Result<CertifiedOrder, VerificationError> {
  const { transfers } = order.certificate.statement;
  const finding =
    mismatchUnless(digestOfTransfers(order.transfers) === transfers, 'transfers and order') ??
    checkSessionCertificate(keyring, order.certificate);
  return finding ? failed(finding) : ok(order);
}

/**
 * Checks that the replica promised an operation and that it was not in the order by the deadline, though
 * it would have fitted: every operation before it was there or promised by the same receipt's head. One
 * of the `f + 1` that say so is correct.
 */
export function verifyBrokenPromise(
  keyring: Verifier,
  evidence: BrokenPromise,
): Result<BrokenPromise, VerificationError> {
  const { receipt, attestations } = evidence;
  const finding =
    checkAttesters(keyring, attestations) ??
    firstFinding(attestations, ({ statement: { subject, value, position }, standing }) =>
      mismatchUnless(
        subject.kind === 'session' &&
          subject.session === receipt.statement.session &&
          value === digestOfStanding(standing) &&
          position >= receipt.statement.deadline,
        'receipt and attestation',
      ),
    ) ??
    checkFit(evidence) ??
    checkReceipt(keyring, receipt) ??
    checkAttestations(keyring, attestations);
  return finding ? failed(finding) : ok(evidence);
}

/** Checks that a replica gave two receipts for one number that cannot both be honest. */
export function verifyContradictingReceipts(
  keyring: Verifier,
  receipts: ContradictingReceipts,
): Result<ContradictingReceipts, VerificationError> {
  const [a, b] = receipts;
  const finding =
    mismatchUnless(contradict(a.statement, b.statement), 'receipts') ??
    firstFinding(receipts, (receipt) => checkReceipt(keyring, receipt));
  return finding ? failed(finding) : ok(receipts);
}

/** Whether the two are one replica's, for one number, and promise different things. */
export function contradict(a: ReceiptStatement, b: ReceiptStatement): boolean {
  return (
    a.replica === b.replica &&
    a.session === b.session &&
    a.sequence === b.sequence &&
    (a.head !== b.head || a.result !== b.result)
  );
}

/** `f + 1` or more signatures of different replicas. */
export function checkSessionCertificate(
  keyring: Verifier,
  { bytes, signatures }: SessionCertificate<SessionStatement>,
): Finding {
  return (
    checkAttesters(keyring, signatures) ??
    firstFinding(signatures, ({ replica, signature }) =>
      checkSignature(keyring, replicaSigner(replica), { bytes, signature }),
    )
  );
}

/** Each standing is a place in one chain of heads that leads to the promised operation. */
function checkFit({ receipt, operations, attestations }: BrokenPromise): Finding {
  const { sequence, head, base } = receipt.statement;
  const first = sequence - operations.length + 1;
  const start = attestations.find(({ standing }) => standing.next === first)?.standing;
  if (!start || first < 1) return { code: 'mismatch', what: 'operations and standings' };
  const heads = [start.head, ...headsOf({ first, before: start.head, operations })];
  return (
    mismatchUnless(heads.at(-1) === head, 'operations and receipt') ??
    firstFinding(attestations, ({ standing }) =>
      mismatchUnless(isOpen(standing, sequence, base, heads[standing.next - first]), 'standing'),
    )
  );
}

/**
 * A session that has come some way has never been forgotten. Of one that stands at its beginning that is
 * certain only where none was forgotten since the receipt.
 */
function isOpen(
  standing: SessionStanding,
  sequence: number,
  base: number,
  head: Digest | undefined,
): boolean {
  const { next, since } = standing;
  return next <= sequence && standing.head === head && (next > 1 || since <= base);
}

function checkReceipt(keyring: Verifier, receipt: Signed<ReceiptStatement>): Finding {
  return checkSignature(keyring, replicaSigner(receipt.statement.replica), receipt);
}

function checkAttesters(
  keyring: Verifier,
  signers: readonly { readonly replica: number }[],
): Finding {
  return (
    atLeast(oneCorrect(keyring.resilience), signers, 'replicas') ??
    rising(
      signers.map(({ replica }) => replica),
      'replicas',
    )
  );
}

function checkAttestations(keyring: Verifier, attestations: StateProof['attestations']): Finding {
  return firstFinding(attestations, (attestation) =>
    checkSignature(keyring, replicaSigner(attestation.replica), attestation),
  );
}
