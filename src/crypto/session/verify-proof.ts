import type { Digest } from '../../vocabulary/ids.js';
import { oneCorrect } from '../../vocabulary/quorum.js';
import { failed, ok, type Result } from '../../vocabulary/result.js';
import type {
  BrokenPromise,
  CertifiedOrder,
  ContradictingReceipts,
  OutcomeProof,
  ReceiptStatement,
  SessionCertificate,
  SessionStanding,
  SessionStatement,
  StateProof,
} from '../../vocabulary/session.js';
import type { Signed } from '../../vocabulary/statements.js';
import { checkSignature, replicaSigner } from '../check-signature.js';
import type { Keyring } from '../keyring.js';
import {
  atLeast,
  type Finding,
  firstFinding,
  mismatchUnless,
  rising,
  type VerificationError,
} from '../verification-error.js';
import { digestOfText, headsOf } from './chain.js';
import { rootOf } from './merkle.js';
import { digestOfStanding, digestOfTransfers } from './sign.js';

// Like all that is verified, what comes in here was decoded by `wire`, which binds it to the cluster
// and makes each `statement` of its `bytes`.

/** Checks, with nothing but the cluster's public keys, that the operation came to this outcome. */
export function verifyOutcomeProof(
  keyring: Keyring,
  proof: OutcomeProof,
): Result<OutcomeProof, VerificationError> {
  const finding =
    mismatchUnless(rootOf(proof) === proof.certificate.statement.root, 'outcome and history') ??
    checkSessionCertificate(keyring, proof.certificate);
  return finding ? failed(finding) : ok(proof);
}

/** Checks that the application's state had this value under the key. */
export function verifyStateProof(
  keyring: Keyring,
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
  keyring: Keyring,
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
  keyring: Keyring,
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
  keyring: Keyring,
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
  keyring: Keyring,
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

function checkReceipt(keyring: Keyring, receipt: Signed<ReceiptStatement>): Finding {
  return checkSignature(keyring, replicaSigner(receipt.statement.replica), receipt);
}

function checkAttesters(
  keyring: Keyring,
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

function checkAttestations(keyring: Keyring, attestations: StateProof['attestations']): Finding {
  return firstFinding(attestations, (attestation) =>
    checkSignature(keyring, replicaSigner(attestation.replica), attestation),
  );
}
