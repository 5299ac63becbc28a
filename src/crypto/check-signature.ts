import type { UuidProposal } from '../vocabulary/agreement.js';
import { unreachable } from '../vocabulary/brand.js';
import { belongsTo, type ReplicaId } from '../vocabulary/ids.js';
import type { InvitationStatement, Signed, Statement } from '../vocabulary/statements.js';
import { checkInvited } from './check-invitations.js';
import type { Keyring, Signer } from './keyring.js';
import { type Finding, mismatchUnless } from './verification-error.js';

/** Statements that name their signer. */
export type SelfNamed = Statement | InvitationStatement | UuidProposal;

export function replicaSigner(id: ReplicaId): Signer {
  return { role: 'replica', id };
}

/** Whether the party that the statement names signed it, and was invited to what it registers for. */
export function checkStatement(keyring: Keyring, signed: Signed<SelfNamed>): Finding {
  const { statement } = signed;
  return (
    checkEnlistment(statement) ??
    checkSignature(keyring, namedSigner(statement), signed) ??
    (statement.kind === 'registration'
      ? checkInvited(keyring, statement, checkStatement)
      : undefined)
  );
}

export function checkSignature(
  keyring: Keyring,
  signer: Signer,
  { bytes, signature }: { readonly bytes: Uint8Array; readonly signature: Uint8Array },
): Finding {
  return (
    checkKnown(keyring, signer) ??
    (keyring.verifies(signer, bytes, signature) ? undefined : { code: 'bad-signature', signer })
  );
}

export function checkKnown(keyring: Keyring, signer: Signer): Finding {
  return keyring.keyOf(signer) === undefined ? { code: 'unknown-signer', signer } : undefined;
}

/** A participant signs for its own enlistments only, so that none can squat another's id. */
function checkEnlistment(statement: SelfNamed): Finding {
  return 'enlistment' in statement
    ? mismatchUnless(
        belongsTo(statement.enlistment, statement.participant),
        'participant and enlistment id',
      )
    : undefined;
}

function namedSigner(statement: SelfNamed): Signer {
  switch (statement.kind) {
    case 'activation':
    case 'completion':
      return { role: 'initiator', id: statement.initiator };
    case 'registration':
    case 'vote':
    case 'acknowledgement':
      return { role: 'participant', id: statement.participant };
    case 'invitation':
      return statement.inviter;
    case 'proposal':
      return replicaSigner(statement.replica);
    default:
      return unreachable(statement);
  }
}
