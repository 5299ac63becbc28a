import type { OperationStatus } from '../../core/session/messages.js';
import type { Keyring } from '../../crypto/keyring.js';
import { digestOfResult } from '../../crypto/session/sign.js';
import { verifyOutcomeProof } from '../../crypto/session/verify-proof.js';
import { unreachable } from '../../vocabulary/brand.js';
import type { Digest } from '../../vocabulary/ids.js';
import { oneCorrect } from '../../vocabulary/quorum.js';
import type {
  CallResult,
  ReceiptStatement,
  SessionId,
  WitnessStatement,
} from '../../vocabulary/session.js';
import type { Signed } from '../../vocabulary/statements.js';
import { NodeError } from './session-error.js';

export type FinalStatus = Extract<
  OperationStatus,
  { readonly kind: 'committed' | 'changed' | 'aborted' }
>;

/** The operation that a status has to be of. */
export interface Subject {
  readonly session: SessionId;
  readonly sequence: number;
  readonly head: Digest;
}

export function isFinal(status: OperationStatus): status is FinalStatus {
  return status.kind === 'committed' || status.kind === 'changed' || status.kind === 'aborted';
}

/**
 * Throws `NodeError` unless what is said of the operation is signed by those who are said to have said it:
 * one coordinator for a promise, `f + 1` others for a witnessed one, `f + 1` for what is final.
 */
export function checkStatus(keyring: Keyring, subject: Subject, status: OperationStatus): void {
  switch (status.kind) {
    case 'provisional':
      return checkPromise(keyring, subject, status.result, status.receipt);
    case 'witnessed': {
      checkPromise(keyring, subject, status.result, status.receipt);
      return checkWitnesses(keyring, subject, status.receipt.statement, status.witnesses);
    }
    case 'committed':
    case 'changed':
    case 'aborted':
      return checkFinal(keyring, subject, status);
    default:
      return unreachable(status);
  }
}

function checkPromise(
  keyring: Keyring,
  subject: Subject,
  result: CallResult,
  receipt: Signed<ReceiptStatement>,
): void {
  if (receipt.statement.result !== digestOfResult(result)) {
    throw new NodeError('a receipt is of another result');
  }
  checkSigned(keyring, subject, receipt);
}

function checkWitnesses(
  keyring: Keyring,
  subject: Subject,
  promised: ReceiptStatement,
  witnesses: readonly Signed<WitnessStatement>[],
): void {
  const { resilience } = keyring;
  if (witnesses.length > resilience.n) throw new NodeError('more witnesses than coordinators');
  const others = new Set(witnesses.map(({ statement }) => statement.replica));
  others.delete(promised.replica);
  if (others.size < Math.min(oneCorrect(resilience), Math.max(1, resilience.n - 1))) {
    throw new NodeError('too few witnesses');
  }
  for (const witness of witnesses) {
    if (witness.statement.result !== promised.result) {
      throw new NodeError('a witness of another result');
    }
    checkSigned(keyring, subject, witness);
  }
}

function checkSigned(
  keyring: Keyring,
  { session, sequence, head }: Subject,
  { statement, bytes, signature }: Signed<ReceiptStatement | WitnessStatement>,
): void {
  const isOfIt =
    statement.session === session && statement.sequence === sequence && statement.head === head;
  if (!isOfIt) throw new NodeError(`a ${statement.kind} of another operation`);
  if (!keyring.verifies({ role: 'replica', id: statement.replica }, bytes, signature)) {
    throw new NodeError(`a ${statement.kind} that its replica has not signed`);
  }
}

function checkFinal(keyring: Keyring, { session, sequence, head }: Subject, status: FinalStatus) {
  const { outcome } = status.proof;
  const isOfIt =
    outcome.session === session && outcome.sequence === sequence && outcome.head === head;
  if (!isOfIt || !isSame(outcome.result, status.result)) {
    throw new NodeError('a proof of something else');
  }
  if (!verifyOutcomeProof(keyring, status.proof).ok)
    throw new NodeError('a proof that proves nothing');
}

/** The status in the client's own words: against what it was told, whoever told it. */
export function finalStatus(status: FinalStatus, told: CallResult | undefined): FinalStatus {
  const { result, proof } = status;
  const isAborted = result.kind === 'rejected';
  if (told === undefined) return { kind: isAborted ? 'aborted' : 'committed', result, proof };
  const isAsTold = isSame(told, result);
  const kind = isAborted ? 'aborted' : isAsTold ? 'committed' : 'changed';
  return { kind, result, simulated: told, proof };
}

function isSame(a: CallResult, b: CallResult): boolean {
  return digestOfResult(a) === digestOfResult(b);
}
