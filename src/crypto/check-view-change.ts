import {
  type NewViewStatement,
  type PreparedCertificate,
  type SignedViewChange,
  slotKey,
} from '../vocabulary/agreement.js';
import { primaryOf, quorum } from '../vocabulary/quorum.js';
import type { Signed } from '../vocabulary/statements.js';
import { checkPrepared } from './check-certificate.js';
import { checkSignature, replicaSigner } from './check-signature.js';
import type { Keyring } from './keyring.js';
import {
  atLeast,
  type Finding,
  firstFinding,
  mismatchUnless,
  rising,
} from './verification-error.js';

/** Signed by the replica beside it, and every lock in it real and of an earlier view. */
export function checkViewChange(keyring: Keyring, signed: SignedViewChange): Finding {
  const { view, prepared } = signed.statement;
  return (
    rising(
      prepared.map(({ prePrepare }) => slotKey(prePrepare.statement.slot)),
      'prepared certificates',
    ) ??
    firstFinding(prepared, ({ prePrepare }) =>
      mismatchUnless(prePrepare.statement.ballot.view < view, 'view of a prepared certificate'),
    ) ??
    checkSignature(keyring, replicaSigner(signed.replica), signed) ??
    firstFinding(prepared, (certificate: PreparedCertificate) =>
      checkPrepared(keyring, certificate),
    )
  );
}

/** Signed by the primary of the view that it opens, with a quorum of view changes to that view. */
export function checkNewView(keyring: Keyring, signed: Signed<NewViewStatement>): Finding {
  const { view, viewChanges } = signed.statement;
  const primary = primaryOf(keyring.resilience, view);
  return (
    atLeast(quorum(keyring.resilience), viewChanges, 'view changes') ??
    rising(
      viewChanges.map(({ replica }) => replica),
      'view changes',
    ) ??
    firstFinding(viewChanges, ({ statement }) =>
      mismatchUnless(statement.view === view, 'view of a view change'),
    ) ??
    checkSignature(keyring, replicaSigner(primary), signed) ??
    firstFinding(viewChanges, (viewChange) => checkViewChange(keyring, viewChange))
  );
}
