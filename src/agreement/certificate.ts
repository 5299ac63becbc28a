import { type Reader, readAll, Writer } from '../kernel/codec/bytes.js';
import { readSharedAs, writeShared, writeSigned } from '../kernel/codec/fields.js';
import { type ClusterId, primaryOf, quorum, type ReplicaId } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { Verifier } from '../kernel/verifier.js';
import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  kindUnless,
  mismatchUnless,
  replicaSigner,
  rising,
} from './check-signature.js';
import { checkValue } from './check-value.js';
import {
  type CommitCertificate,
  type DecisionProof,
  type PhaseCertificate,
  type PhaseStatement,
  type PreparedCertificate,
  type Proposal,
  type Slot,
  sameProposal,
  sameSlot,
} from './messages.js';
import { decodeLeafOf, readSigned } from './statement-codec.js';
import { fastPrepares } from './two-step.js';
import { readValue, witnessedIn, writeValue } from './values.js';

/** Starts a decision proof, so that a file of one is distinct from anything else. */
const proofMagic = new TextEncoder().encode('CCPROOF1');

export function encodePreparedCertificate(certificate: PreparedCertificate): Uint8Array {
  const writer = new Writer();
  writePreparedCertificate(writer, certificate);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a certificate of this cluster; checks no signature. */
export function decodePreparedCertificate(
  cluster: ClusterId,
  bytes: Uint8Array,
): PreparedCertificate {
  return readAll(bytes, (reader) => readPreparedCertificate(reader, cluster));
}

export function encodeCommitCertificate(certificate: CommitCertificate): Uint8Array {
  const writer = new Writer();
  writeShared(writer, certificate);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a certificate of this cluster; checks no signature. */
export function decodeCommitCertificate(cluster: ClusterId, bytes: Uint8Array): CommitCertificate {
  return readAll(bytes, (reader) => readPhaseCertificate(reader, cluster));
}

/** A decision proof in its file form. */
export function encodeDecisionProof(proof: DecisionProof): Uint8Array {
  const writer = new Writer();
  writeDecisionProof(writer, proof);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a proof of this cluster; checks no signature. */
export function decodeDecisionProof(cluster: ClusterId, bytes: Uint8Array): DecisionProof {
  return readAll(bytes, (reader) => readDecisionProof(reader, cluster));
}

export function writePreparedCertificate(writer: Writer, certificate: PreparedCertificate): void {
  writeSigned(writer, certificate.prePrepare);
  writeShared(writer, certificate.prepares);
  writeValue(writer, certificate.value);
}

export function readPreparedCertificate(reader: Reader, cluster: ClusterId): PreparedCertificate {
  return {
    prePrepare: readSigned(reader, cluster, 'phase'),
    prepares: readPhaseCertificate(reader, cluster),
    value: readValue(reader, cluster),
  };
}

export function writeProposal(writer: Writer, { prePrepare, value }: Proposal): void {
  writeSigned(writer, prePrepare);
  writeValue(writer, value);
}

export function readProposal(reader: Reader, cluster: ClusterId): Proposal {
  return { prePrepare: readSigned(reader, cluster, 'phase'), value: readValue(reader, cluster) };
}

export function encodeProposal(proposal: Proposal): Uint8Array {
  const writer = new Writer();
  writeProposal(writer, proposal);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a proposal of this cluster; checks no signature. */
export function decodeProposal(cluster: ClusterId, bytes: Uint8Array): Proposal {
  return readAll(bytes, (reader) => readProposal(reader, cluster));
}

export function writeDecisionProof(writer: Writer, proof: DecisionProof): void {
  writer.raw(proofMagic);
  writeShared(writer, proof.commits);
  writeValue(writer, proof.value);
}

export function readDecisionProof(reader: Reader, cluster: ClusterId): DecisionProof {
  reader.literal(proofMagic, 'a decision proof');
  return { commits: readPhaseCertificate(reader, cluster), value: readValue(reader, cluster) };
}

function readPhaseCertificate(reader: Reader, cluster: ClusterId): PhaseCertificate {
  return readSharedAs(reader, (bytes) => decodeLeafOf(cluster, bytes, ['phase']));
}

/** A pre-prepare signed by the primary of its view. Which replica passed it on does not matter. */
export function checkPrePrepare(keyring: Verifier, signed: Signed<PhaseStatement>): Finding {
  const { phase, ballot } = signed.statement;
  const primary = primaryOf(keyring.resilience, ballot.view);
  return (
    kindUnless('pre-prepare', phase) ?? checkSignature(keyring, replicaSigner(primary), signed)
  );
}

/**
 * A quorum of commits of different replicas, or in two steps as many prepares as decide at once, and no signature in it
 * that is not good.
 */
export function checkCommits(keyring: Verifier, certificate: CommitCertificate): Finding {
  if (keyring.agreement === 'two-step' && certificate.statement.phase === 'prepare') {
    return checkFast(keyring, certificate);
  }
  return (
    kindUnless('commit', certificate.statement.phase) ??
    atLeast(quorum(keyring.resilience), certificate.signatures, 'commits') ??
    checkPhaseSignatures(keyring, certificate)
  );
}

/** `n - t - 1` prepares of backups at the first attempt of a view. */
function checkFast(keyring: Verifier, certificate: PhaseCertificate): Finding {
  const { resilience } = keyring;
  const { ballot } = certificate.statement;
  return (
    mismatchUnless(ballot.attempt === 0, 'attempt of a decision in two steps') ??
    atLeast(fastPrepares(resilience), certificate.signatures, 'prepares of a decision') ??
    checkBackups(primaryOf(resilience, ballot.view), certificate) ??
    checkPhaseSignatures(keyring, certificate)
  );
}

function checkBackups(primary: ReplicaId, { signatures }: PhaseCertificate): Finding {
  return firstFinding(signatures, ({ replica }) =>
    replica === primary
      ? { code: 'wrong-signer', signer: replicaSigner(replica), rule: 'a backup prepares' }
      : undefined,
  );
}

/** A proposal at the first attempt of a view, of a value that may stand there. */
export function checkBond(keyring: Verifier, slot: Slot, { prePrepare, value }: Proposal): Finding {
  const { statement } = prePrepare;
  return (
    mismatchUnless(sameSlot(statement.slot, slot), 'slot of a bond') ??
    mismatchUnless(statement.ballot.attempt === 0, 'attempt of a bond') ??
    mismatchUnless(witnessedIn(value) === statement.ballot.view, 'view of a bond') ??
    checkPrePrepare(keyring, prePrepare) ??
    checkValue(keyring, statement, value)
  );
}

/**
 * The primary's pre-prepare and the prepares of `quorum - 1` backups for the same slot, ballot, digest
 * and result, and the value. The primary's pre-prepare counts as its prepare, so it has no other.
 */
export function checkPrepared(keyring: Verifier, certificate: PreparedCertificate): Finding {
  const { prePrepare, prepares, value } = certificate;
  const primary = primaryOf(keyring.resilience, prePrepare.statement.ballot.view);
  return (
    kindUnless('prepare', prepares.statement.phase) ??
    mismatchUnless(
      sameProposal(prePrepare.statement, prepares.statement),
      'pre-prepare and prepares',
    ) ??
    atLeast(quorum(keyring.resilience) - 1, prepares.signatures, 'prepares') ??
    checkBackups(primary, prepares) ??
    checkPrePrepare(keyring, prePrepare) ??
    checkPhaseSignatures(keyring, prepares) ??
    checkValue(keyring, prePrepare.statement, value)
  );
}

export function checkDecision(keyring: Verifier, { commits, value }: DecisionProof): Finding {
  return checkCommits(keyring, commits) ?? checkValue(keyring, commits.statement, value);
}

function checkPhaseSignatures(keyring: Verifier, certificate: PhaseCertificate): Finding {
  const { bytes, signatures } = certificate;
  return (
    rising(
      signatures.map(({ replica }) => replica),
      'signatures',
    ) ??
    firstFinding(signatures, ({ replica, signature }) =>
      checkSignature(keyring, replicaSigner(replica), { bytes, signature }),
    )
  );
}
