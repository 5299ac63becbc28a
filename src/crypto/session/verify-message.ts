import { unreachable } from '../../vocabulary/brand.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import { failed, ok, type Result } from '../../vocabulary/result.js';
import type { ReceiptStatement, VerifiedRun } from '../../vocabulary/session.js';
import type { SessionMessage, VerifiedSessionMessage } from '../../vocabulary/session-messages.js';
import type { Signed } from '../../vocabulary/statements.js';
import { checkKnown, checkSignature, replicaSigner } from '../check-signature.js';
import type { Keyring } from '../keyring.js';
import {
  type Finding,
  firstFinding,
  mismatchUnless,
  type VerificationError,
} from '../verification-error.js';
import { OutcomeTree } from './merkle.js';
import type { Owners } from './owners.js';
import { checkSessionCertificate } from './verify-proof.js';
import { verifyRun } from './verify-run.js';

/**
 * Checks everything in a message that the link says came from `from`: each signature, and that the parts
 * fit together. Whether it fits the receiver's state is the core's to judge.
 */
export function verifySessionMessage(
  keyring: Keyring,
  owners: Owners,
  from: ReplicaId,
  message: SessionMessage,
): Result<VerifiedSessionMessage, VerificationError> {
  const unknown = checkKnown(keyring, replicaSigner(from));
  if (unknown) return failed(unknown);
  if (message.kind !== 'run') {
    const finding = checkMessage(keyring, from, message);
    return finding ? failed(finding) : ok({ from, message } as VerifiedSessionMessage);
  }
  const run = verifyRun(owners, message.run);
  if (!run.ok) return run;
  const finding = firstFinding(message.receipts, (receipt) =>
    checkReceiptOf(keyring, from, run.value, receipt),
  );
  return finding
    ? failed(finding)
    : ok({ from, message, run: run.value } as unknown as VerifiedSessionMessage);
}

function checkReceiptOf(
  keyring: Keyring,
  from: ReplicaId,
  { run, session, heads }: VerifiedRun,
  receipt: Signed<ReceiptStatement>,
): Finding {
  const { statement } = receipt;
  return (
    mismatchUnless(
      statement.replica === from &&
        statement.session === session &&
        statement.head === heads[statement.sequence - run.first],
      'run and receipt',
    ) ?? checkSignature(keyring, replicaSigner(from), receipt)
  );
}

function checkMessage(
  keyring: Keyring,
  from: ReplicaId,
  message: Exclude<SessionMessage, { readonly kind: 'run' }>,
): Finding {
  const signer = replicaSigner(from);
  switch (message.kind) {
    case 'witness':
      return firstFinding(
        message.witnesses,
        (witness) =>
          mismatchUnless(witness.statement.replica === from, 'witness and sender') ??
          checkSignature(keyring, signer, witness),
      );
    case 'history':
      return checkSignature(keyring, signer, message.history);
    case 'final': {
      const { outcomes, certificate } = message;
      const isWhole =
        outcomes.length > 0 && new OutcomeTree(outcomes).root === certificate.statement.root;
      return (
        mismatchUnless(isWhole, 'outcomes and history') ??
        checkSessionCertificate(keyring, certificate)
      );
    }
    case 'order':
      return checkSignature(keyring, signer, message.order);
    case 'attestation':
      return checkSignature(keyring, signer, message.attestation);
    case 'attest':
    case 'fetch':
      return undefined;
    default:
      return unreachable(message);
  }
}
