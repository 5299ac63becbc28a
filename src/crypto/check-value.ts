import {
  type ActivationValue,
  type OutcomeValue,
  type ParticipantRecord,
  type PhaseStatement,
  type Slot,
  type SlotValue,
  slotKey,
  type UuidProposal,
} from '../vocabulary/agreement.js';
import { outcomeFollows } from '../vocabulary/decision-certificate.js';
import type { ParticipantId, TransactionId } from '../vocabulary/ids.js';
import { hostOf } from '../vocabulary/invitation.js';
import { oneCorrect, quorum } from '../vocabulary/quorum.js';
import type { ActivationStatement, Signed } from '../vocabulary/statements.js';
import { activationContent, activationSlotRequest } from './activation-slot.js';
import { checkStatement } from './check-signature.js';
import { collectiveTransactionId } from './collective-uuid.js';
import { digestOfValue } from './digest.js';
import type { Keyring } from './keyring.js';
import {
  distinct,
  exactly,
  type Finding,
  firstFinding,
  kindUnless,
  mismatchUnless,
  rising,
} from './verification-error.js';

/** Whether the value is well-founded and the one that the phase statement speaks of. */
export function checkValue(keyring: Keyring, statement: PhaseStatement, value: SlotValue): Finding {
  return (
    kindUnless(statement.slot.kind, value.kind) ??
    (value.kind === 'activation'
      ? checkActivationForm(keyring, statement, value)
      : checkOutcomeForm(keyring, statement, value)) ??
    mismatchUnless(digestOfValue(value) === statement.digest, 'digest of the value') ??
    (value.kind === 'activation'
      ? checkActivationSignatures(keyring, value)
      : checkOutcomeSignatures(keyring, value))
  );
}

/** `f + 1` requests of different initiators, alike and for this slot. Leaves their signatures unchecked. */
export function checkRequests(
  keyring: Keyring,
  slot: Slot,
  requests: readonly Signed<ActivationStatement>[],
): Finding {
  const [first] = requests;
  return (
    exactly(oneCorrect(keyring.resilience), requests, 'requests') ??
    distinct(
      requests.map(({ statement }) => statement.initiator),
      'initiators of the requests',
    ) ??
    firstFinding(requests, ({ statement }) =>
      mismatchUnless(
        slot.kind === 'activation' && activationSlotRequest(statement) === slot.request,
        'request and slot',
      ),
    ) ??
    firstFinding(requests, ({ statement }) =>
      mismatchUnless(
        first !== undefined && activationContent(statement) === activationContent(first.statement),
        'contents of the requests',
      ),
    )
  );
}

function checkActivationForm(
  keyring: Keyring,
  { slot, result }: PhaseStatement,
  value: ActivationValue,
): Finding {
  return (
    checkRequests(keyring, slot, value.requests) ??
    checkProposals(keyring, slot, value.proposals) ??
    mismatchUnless(
      result.kind === 'activation' && result.tid === collectiveTransactionId(value),
      'transaction id and proposals',
    ) ??
    firstFinding(value.requests.slice(0, 1), ({ statement }) =>
      mismatchUnless(
        result.kind === 'activation' && result.content === activationContent(statement),
        'content and requests',
      ),
    )
  );
}

function checkProposals(
  keyring: Keyring,
  slot: Slot,
  proposals: readonly Signed<UuidProposal>[],
): Finding {
  const view = proposals[0]?.statement.view;
  return (
    exactly(quorum(keyring.resilience), proposals, 'proposals') ??
    rising(
      proposals.map(({ statement }) => statement.replica),
      'proposals',
    ) ??
    firstFinding(
      proposals,
      ({ statement }) =>
        mismatchUnless(slotKey(statement.slot) === slotKey(slot), 'proposal and slot') ??
        mismatchUnless(statement.view === view, 'views of the proposals'),
    )
  );
}

function checkActivationSignatures(keyring: Keyring, value: ActivationValue): Finding {
  return firstFinding([...value.requests, ...value.proposals], (signed) =>
    checkStatement(keyring, signed),
  );
}

function checkOutcomeForm(
  keyring: Keyring,
  { slot, result }: PhaseStatement,
  value: OutcomeValue,
): Finding {
  const follows = outcomeFollows(value, keyring.resilience);
  return (
    mismatchUnless(slot.kind === 'outcome' && slot.tid === value.tid, 'transaction and slot') ??
    mismatchUnless(
      result.kind === 'outcome' && result.outcome === value.outcome,
      'outcome and result',
    ) ??
    rising(
      value.records.map(({ registration }) => registration.statement.enlistment),
      'records',
    ) ??
    firstFinding(value.records, (record) => checkRecord(value.tid, record)) ??
    checkPlaces(value.records) ??
    distinct(
      value.completion.map(({ statement }) => statement.initiator),
      'initiators of the completion',
    ) ??
    firstFinding(value.completion, ({ statement }) =>
      mismatchUnless(statement.tid === value.tid, 'transaction of the completion'),
    ) ??
    (follows.ok ? undefined : { code: 'unfounded-outcome', reason: follows.error })
  );
}

function checkRecord(tid: TransactionId, { registration, vote }: ParticipantRecord): Finding {
  const { participant, enlistment } = registration.statement;
  return (
    mismatchUnless(registration.statement.tid === tid, 'transaction of the registration') ??
    (vote === undefined
      ? undefined
      : (mismatchUnless(vote.statement.tid === tid, 'transaction of the vote') ??
        mismatchUnless(vote.statement.participant === participant, 'participant of the vote') ??
        mismatchUnless(vote.statement.enlistment === enlistment, 'enlistment of the vote')))
  );
}

/** No host has more enlistments than its initiators allow it. */
function checkPlaces(records: readonly ParticipantRecord[]): Finding {
  const taken = new Map<ParticipantId, number>();
  return firstFinding(records, ({ registration }) => {
    const { participant, places } = hostOf(registration.statement);
    const count = (taken.get(participant) ?? 0) + 1;
    taken.set(participant, count);
    return count <= places
      ? undefined
      : { code: 'wrong-count', what: `enlistments of ${participant}`, count, needed: places };
  });
}

function checkOutcomeSignatures(keyring: Keyring, value: OutcomeValue): Finding {
  const votes = value.records.flatMap(({ vote }) => (vote === undefined ? [] : [vote]));
  const registrations = value.records.map(({ registration }) => registration);
  return firstFinding([...registrations, ...votes, ...value.completion], (signed) =>
    checkStatement(keyring, signed),
  );
}
