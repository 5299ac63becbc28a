import {
  failed,
  ok,
  oneCorrect,
  type ParticipantId,
  quorum,
  type Resilience,
  type Result,
  type TransactionId,
} from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { Verifier } from '../kernel/verifier.js';
import {
  atLeast,
  checkSignature,
  checkStatement,
  distinct,
  exactly,
  type Finding,
  firstFinding,
  kindUnless,
  mismatchUnless,
  replicaSigner,
  rising,
} from './check-signature.js';
import { hostOf } from './invitation.js';
import {
  type ActivationValue,
  type ClosingCertificate,
  type OutcomeValue,
  type ParticipantRecord,
  type PhaseStatement,
  type Slot,
  type SlotValue,
  sameSlot,
  type UuidProposal,
} from './messages.js';
import type { ActivationStatement, CompletionStatement, Decision } from './statements.js';
import {
  activationContent,
  activationSlotRequest,
  collectiveTransactionId,
  digestOfEnlistments,
  digestOfValue,
} from './values.js';

/**
 * Whether the outcome follows from the certificate (Zhao §4.3). Signatures are checked elsewhere.
 *
 * Commit: every registered participant voted prepared or read-only, and `f + 1` initiators asked for
 * it. Abort for a vote: some participant voted aborted. Abort for a rollback: `f + 1` initiators asked.
 * Abort for a timeout: some participant has no vote, or the initiators never asked to commit; whether
 * the time has run out, every replica judges by its own clock.
 */
function outcomeFollows(value: OutcomeValue, resilience: Resilience): Result<void, string> {
  if (value.outcome === 'commit') {
    if (value.reason !== undefined) return failed('a commit has no reason');
    if (!value.records.every((record) => isConsent(record.vote?.statement.vote))) {
      return failed('commit without the consent of every registered participant');
    }
    return asked(value, 'commit', resilience);
  }
  if (value.reason === undefined) return failed('abort without a reason');
  switch (value.reason) {
    case 'vote':
      return value.records.some((record) => record.vote?.statement.vote === 'aborted')
        ? ok(undefined)
        : failed('abort for a vote that is not in the certificate');
    case 'rollback':
      return asked(value, 'rollback', resilience);
    case 'timeout':
      return value.completion.length === 0
        ? ok(undefined)
        : failed('abort for a timeout rests on no completion request');
  }
}

export function isConsent(vote: string | undefined): boolean {
  return vote === 'prepared' || vote === 'readOnly';
}

function asked(
  value: OutcomeValue,
  decision: Decision,
  resilience: Resilience,
): Result<void, string> {
  const initiators = new Set(
    value.completion
      .filter(({ statement }) => statement.decision === decision && statement.tid === value.tid)
      .map(({ statement }) => statement.initiator),
  );
  const enough = initiators.size >= oneCorrect(resilience);
  return enough && initiators.size === value.completion.length
    ? ok(undefined)
    : failed(`not asked for by f + 1 different initiators: ${decision}`);
}

/** `f + 1` statements of different initiators, alike but for the initiator. */
export function checkCompletion(
  keyring: Verifier,
  statements: readonly Signed<CompletionStatement>[],
): Finding {
  const initiators = statements.map(({ statement }) => statement.initiator);
  const first = statements[0]?.statement;
  return (
    exactly(oneCorrect(keyring.resilience), statements, 'completions') ??
    distinct(initiators, 'initiators of the completions') ??
    firstFinding(
      statements,
      ({ statement }) =>
        mismatchUnless(statement.tid === first?.tid, 'transaction of the completions') ??
        mismatchUnless(statement.decision === first?.decision, 'decision of the completions'),
    ) ??
    firstFinding(statements, (signed) => checkStatement(keyring, signed))
  );
}

/** Whether the value is well-founded and the one that the phase statement speaks of. */
export function checkValue(
  keyring: Verifier,
  statement: PhaseStatement,
  value: SlotValue,
): Finding {
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
  keyring: Verifier,
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
  keyring: Verifier,
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
  keyring: Verifier,
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
        mismatchUnless(sameSlot(statement.slot, slot), 'proposal and slot') ??
        mismatchUnless(statement.view === view, 'views of the proposals'),
    )
  );
}

function checkActivationSignatures(keyring: Verifier, value: ActivationValue): Finding {
  return firstFinding([...value.requests, ...value.proposals], (signed) =>
    checkStatement(keyring, signed),
  );
}

function checkOutcomeForm(
  keyring: Verifier,
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
    (follows.ok ? undefined : { code: 'unfounded-outcome', reason: follows.error }) ??
    checkClosingForm(keyring, value)
  );
}

/** Only a commit of two steps is closed, by a quorum, and with just the enlistments of its records. */
function checkClosingForm(
  keyring: Verifier,
  { tid, closing, outcome, records }: OutcomeValue,
): Finding {
  if (!closing) return undefined;
  const ids = records.map(({ registration }) => registration.statement.enlistment);
  return (
    mismatchUnless(keyring.agreement === 'two-step', 'agreement and closing') ??
    mismatchUnless(outcome === 'commit', 'outcome and closing') ??
    mismatchUnless(closing.statement.tid === tid, 'transaction of the closing') ??
    mismatchUnless(
      closing.statement.enlistments === digestOfEnlistments(ids),
      'enlistments of the closing',
    ) ??
    atLeast(quorum(keyring.resilience), closing.signatures, 'closings') ??
    rising(
      closing.signatures.map(({ replica }) => replica),
      'closings',
    )
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

function checkOutcomeSignatures(keyring: Verifier, value: OutcomeValue): Finding {
  const votes = value.records.flatMap(({ vote }) => (vote === undefined ? [] : [vote]));
  const registrations = value.records.map(({ registration }) => registration);
  return (
    firstFinding([...registrations, ...votes, ...value.completion], (signed) =>
      checkStatement(keyring, signed),
    ) ??
    (value.closing && checkClosingSignatures(keyring, value.closing))
  );
}

function checkClosingSignatures(
  keyring: Verifier,
  { bytes, signatures }: ClosingCertificate,
): Finding {
  return firstFinding(signatures, ({ replica, signature }) =>
    checkSignature(keyring, replicaSigner(replica), { bytes, signature }),
  );
}
