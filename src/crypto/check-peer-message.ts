import type { FloorProof, PeerMessage, PhaseStatement } from '../vocabulary/agreement.js';
import { unreachable } from '../vocabulary/brand.js';
import type { ReplicaId } from '../vocabulary/ids.js';
import { oneCorrect, primaryOf, quorum } from '../vocabulary/quorum.js';
import type { Signed } from '../vocabulary/statements.js';
import { activationSlotRequest } from './activation-slot.js';
import { checkDecision, checkPrePrepare, checkPrepared } from './check-certificate.js';
import { checkKnown, checkSignature, checkStatement, replicaSigner } from './check-signature.js';
import { checkRequests, checkValue } from './check-value.js';
import { checkNewView, checkViewChange } from './check-view-change.js';
import type { Keyring } from './keyring.js';
import { exactly, type Finding, firstFinding, kindUnless, rising } from './verification-error.js';

type MessageOf<Kind extends PeerMessage['kind']> = Extract<PeerMessage, { kind: Kind }>;

/** Whether all that the message holds is signed as it must be, and fits together. */
export function checkPeerMessage(keyring: Keyring, from: ReplicaId, message: PeerMessage): Finding {
  return checkKnown(keyring, replicaSigner(from)) ?? checkContent(keyring, from, message);
}

function checkContent(keyring: Keyring, from: ReplicaId, message: PeerMessage): Finding {
  switch (message.kind) {
    case 'requests':
      return firstFinding(message.requests, (request) => checkStatement(keyring, request));
    case 'activation-pre-prepare':
      return checkActivationPrePrepare(keyring, from, message);
    case 'pre-prepare-reply':
      return (
        kindUnless('activation', message.proposal.statement.slot.kind) ??
        senderUnless(from, message.proposal.statement.replica) ??
        checkStatement(keyring, message.proposal)
      );
    case 'pre-prepare-update':
      return checkUpdate(keyring, message);
    case 'pre-prepare':
      return (
        checkPrePrepare(keyring, message.prePrepare) ??
        checkValue(keyring, message.prePrepare.statement, message.value)
      );
    case 'phase':
      return checkPhase(keyring, from, message.signed);
    case 'record':
      return checkStatement(keyring, message.record);
    case 'view-change':
      return (
        senderUnless(from, message.viewChange.replica) ??
        checkViewChange(keyring, message.viewChange)
      );
    case 'new-view':
      return checkNewView(keyring, message.newView);
    case 'prepared':
      return checkPrepared(keyring, message.certificate);
    case 'decided':
      return checkDecision(keyring, message.proof);
    case 'fetch':
    case 'fetch-transaction':
    case 'unknown-transaction':
    case 'recover':
      return undefined;
    case 'inventory':
      return firstFinding(message.floors, (floor) => checkFloor(keyring, floor));
    default:
      return unreachable(message);
  }
}

function checkFloor(keyring: Keyring, requests: FloorProof): Finding {
  const [first] = requests;
  if (!first) return exactly(oneCorrect(keyring.resilience), requests, 'requests');
  const slot = { kind: 'activation', request: activationSlotRequest(first.statement) } as const;
  return (
    checkRequests(keyring, slot, requests) ??
    firstFinding(requests, (request) => checkStatement(keyring, request))
  );
}

function checkActivationPrePrepare(
  keyring: Keyring,
  from: ReplicaId,
  { requests, proposal }: MessageOf<'activation-pre-prepare'>,
): Finding {
  const { slot, view, replica } = proposal.statement;
  return (
    senderUnless(from, replica) ??
    primaryUnless(primaryOf(keyring.resilience, view), from) ??
    checkRequests(keyring, slot, requests) ??
    checkStatement(keyring, proposal) ??
    firstFinding(requests, (request) => checkStatement(keyring, request))
  );
}

function checkUpdate(
  keyring: Keyring,
  { prePrepare, chosen }: MessageOf<'pre-prepare-update'>,
): Finding {
  return (
    kindUnless('activation', prePrepare.statement.slot.kind) ??
    exactly(quorum(keyring.resilience), chosen, 'chosen proposals') ??
    rising(
      chosen.map(({ replica }) => replica),
      'chosen proposals',
    ) ??
    firstFinding(chosen, ({ replica }) => checkKnown(keyring, replicaSigner(replica))) ??
    checkPrePrepare(keyring, prePrepare)
  );
}

/** A prepare or commit of the sender's own; the primary's pre-prepare stands for its prepare. */
function checkPhase(keyring: Keyring, from: ReplicaId, signed: Signed<PhaseStatement>): Finding {
  const { phase, ballot } = signed.statement;
  const signer = replicaSigner(from);
  if (phase === 'pre-prepare') {
    return { code: 'wrong-kind', expected: 'prepare or commit', found: phase };
  }
  if (phase === 'prepare' && from === primaryOf(keyring.resilience, ballot.view)) {
    return { code: 'wrong-signer', signer, rule: 'a backup prepares' };
  }
  return checkSignature(keyring, signer, signed);
}

function senderUnless(from: ReplicaId, signer: ReplicaId): Finding {
  return signer === from
    ? undefined
    : { code: 'wrong-signer', signer: replicaSigner(signer), rule: 'the sender speaks for itself' };
}

function primaryUnless(primary: ReplicaId, replica: ReplicaId): Finding {
  return replica === primary
    ? undefined
    : { code: 'wrong-signer', signer: replicaSigner(replica), rule: 'the primary proposes' };
}
