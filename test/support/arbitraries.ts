import fc from 'fast-check';
import { passingsOnMax, placesMax } from '../../src/agreement/invitation.js';
import {
  type ActivationValue,
  type Ballot,
  type ClosingStatement,
  type DecisionProof,
  type NewViewStatement,
  type OutcomeValue,
  type ParticipantRecord,
  type PeerMessage,
  type PhaseCertificate,
  type PhaseStatement,
  type PreparedCertificate,
  type SignedViewChange,
  type Slot,
  type SlotResult,
  type SlotValue,
  slotKey,
  type UuidProposal,
  type ViewChangeStatement,
} from '../../src/agreement/messages.js';
import { type AnyStatement, encodeStatement } from '../../src/agreement/signing.js';
import type {
  ActivationStatement,
  CompletionStatement,
  InvitationStatement,
  Inviter,
  RegistrationStatement,
  Statement,
  VoteStatement,
} from '../../src/agreement/statements.js';
import { batchLeavesMax, signBatch } from '../../src/kernel/batch.js';
import {
  attempt,
  type ClientId,
  clientId,
  clusterId,
  type Digest,
  digest,
  enlistmentId,
  initiatorId,
  participantId,
  type ReplicaId,
  replicaId,
  type TransactionId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';

/** The cluster of all statements here. Their signatures are random: for codecs, not for verifying. */
export const arbitraryCluster = clusterId('test');

const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((raw) => Buffer.from(raw).toString('hex'));
/** By itself, or of a batch. */
const signatures = fc
  .tuple(
    fc.uint8Array({ minLength: 64, maxLength: 64 }),
    fc.integer({ min: 1, max: batchLeavesMax }),
    fc.nat(batchLeavesMax - 1),
  )
  .map(([plain, count, index]) => {
    const texts = Array.from({ length: count }, (_, place) => new Uint8Array([place]));
    const own = plain.with(63, (plain[63] ?? 0) & 0x7f);
    return signBatch(() => own, texts)[index % count] ?? own;
  });
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

export const digests: fc.Arbitrary<Digest> = hex(32).map(digest);
export const transactionIds: fc.Arbitrary<TransactionId> = fc.uuid().map(transactionId);
export const replicas: fc.Arbitrary<ReplicaId> = fc.nat(63).map(replicaId);
export const views = fc.maxSafeNat().map(view);
export const clients: fc.Arbitrary<ClientId> = fc
  .tuple(name, fc.option(fc.nat(9999)))
  .map(([principal, lane]) => clientId(lane === null ? principal : `${principal}/${lane}`));

export const slots: fc.Arbitrary<Slot> = fc.oneof(
  fc.record({ kind: fc.constant('activation' as const), request: digests }),
  fc.record({ kind: fc.constant('outcome' as const), tid: transactionIds }),
);
export const ballots: fc.Arbitrary<Ballot> = fc.record({
  view: views,
  attempt: fc.nat(0xffff_ffff).map(attempt),
});

export const activationStatements: fc.Arbitrary<ActivationStatement> = fc.record({
  kind: fc.constant('activation'),
  client: clients,
  timestamp: fc.maxSafeNat(),
  request: digests,
  expiresMs: fc.maxSafeNat(),
  initiator: fc.nat(0xffff).map(initiatorId),
});
export const completionStatements: fc.Arbitrary<CompletionStatement> = fc.record({
  kind: fc.constant('completion'),
  tid: transactionIds,
  decision: fc.constantFrom('commit', 'rollback'),
  initiator: fc.nat(0xffff).map(initiatorId),
});
const ownPart = fc.stringMatching(/^[DV]-[A-Za-z0-9_-]{1,61}$/);
/** A participant and an enlistment of its own, in a transaction. */
const enlistments = fc
  .record({ tid: transactionIds, participant: name, own: ownPart })
  .map(({ tid, participant, own }) => ({
    tid,
    participant: participantId(participant),
    enlistment: enlistmentId(`${participant}.${own}`),
  }));
const inviters: fc.Arbitrary<Inviter> = fc.oneof(
  fc.record({ role: fc.constant('initiator' as const), id: fc.nat(0xffff).map(initiatorId) }),
  fc.record({ role: fc.constant('participant' as const), id: name.map(participantId) }),
);
/** Passed on so many times at most. */
function invitationStatements(passingsOn: number): fc.Arbitrary<InvitationStatement> {
  return fc.record({
    kind: fc.constant('invitation'),
    tid: transactionIds,
    participant: name.map(participantId),
    places: fc.integer({ min: 1, max: placesMax }),
    inviter: inviters,
    invitations:
      passingsOn === 0
        ? fc.constant([])
        : fc.array(signedOf(invitationStatements(passingsOn - 1)), { maxLength: 2 }),
  });
}
export const invitations = invitationStatements(passingsOnMax);
export const registrationStatements: fc.Arbitrary<RegistrationStatement> = fc
  .tuple(
    enlistments,
    fc.record({
      kind: fc.constant('registration' as const),
      protocol: fc.constantFrom('durable' as const, 'volatile' as const),
      address: fc.string({ unit: 'binary', maxLength: 128 }),
      invitations: fc.array(signedOf(invitations), { maxLength: 2 }),
    }),
  )
  .map(([enlistment, rest]) => ({ ...enlistment, ...rest }));
export const voteStatements: fc.Arbitrary<VoteStatement> = fc
  .tuple(
    enlistments,
    fc.record({
      kind: fc.constant('vote' as const),
      vote: fc.constantFrom('prepared' as const, 'readOnly' as const, 'aborted' as const),
    }),
  )
  .map(([enlistment, rest]) => ({ ...enlistment, ...rest }));
export const statements: fc.Arbitrary<Statement> = fc.oneof(
  activationStatements,
  completionStatements,
  registrationStatements,
  voteStatements,
);

export const proposalStatements: fc.Arbitrary<UuidProposal> = fc.record({
  kind: fc.constant('proposal'),
  slot: slots,
  view: views,
  uuid: hex(16),
  replica: replicas,
});

export const closingStatements: fc.Arbitrary<ClosingStatement> = fc.record({
  kind: fc.constant('closing'),
  tid: transactionIds,
  view: views,
  enlistments: digests,
});

function resultFor(slot: Slot): fc.Arbitrary<SlotResult> {
  return slot.kind === 'activation'
    ? fc.record({ kind: fc.constant('activation'), tid: transactionIds, content: digests })
    : fc.record({ kind: fc.constant('outcome'), outcome: fc.constantFrom('commit', 'abort') });
}

export const phaseStatements: fc.Arbitrary<PhaseStatement> = slots.chain((slot) =>
  fc.record({
    kind: fc.constant('phase'),
    phase: fc.constantFrom('pre-prepare', 'prepare', 'commit'),
    slot: fc.constant(slot),
    ballot: ballots,
    digest: digests,
    result: resultFor(slot),
  }),
);

/** A statement with its real bytes and a random signature. */
export function signedOf<S extends AnyStatement>(
  arbitrary: fc.Arbitrary<S>,
): fc.Arbitrary<Signed<S>> {
  return fc.tuple(arbitrary, signatures).map(([statement, signature]) => ({
    statement,
    bytes: encodeStatement(arbitraryCluster, statement),
    signature,
  }));
}

/** Sorted, no key twice: a list that means a set. */
function setOf<T>(
  arbitrary: fc.Arbitrary<T>,
  key: (item: T) => string | number,
  maxLength = 4,
): fc.Arbitrary<T[]> {
  return fc
    .uniqueArray(arbitrary, { selector: key, maxLength })
    .map((items) => items.sort((a, b) => (key(a) < key(b) ? -1 : 1)));
}

export const activationValues: fc.Arbitrary<ActivationValue> = fc.record({
  kind: fc.constant('activation'),
  requests: fc.array(signedOf(activationStatements), { maxLength: 3 }),
  proposals: setOf(signedOf(proposalStatements), ({ statement }) => statement.replica),
});

export const participantRecords: fc.Arbitrary<ParticipantRecord> = fc.record(
  { registration: signedOf(registrationStatements), vote: signedOf(voteStatements) },
  { requiredKeys: ['registration'] },
);

/** One statement with its bytes, and random signatures of some replicas. */
function sharedOf<S extends AnyStatement>(arbitrary: fc.Arbitrary<S>) {
  return fc
    .record({
      statement: arbitrary,
      signatures: setOf(
        fc.record({ replica: replicas, signature: signatures }),
        ({ replica }) => replica,
      ),
    })
    .map(({ statement, signatures }) => ({
      statement,
      bytes: encodeStatement(arbitraryCluster, statement),
      signatures,
    }));
}

export const outcomeValues: fc.Arbitrary<OutcomeValue> = fc.record(
  {
    kind: fc.constant('outcome' as const),
    tid: transactionIds,
    outcome: fc.constantFrom('commit' as const, 'abort' as const),
    reason: fc.constantFrom('vote' as const, 'rollback' as const, 'timeout' as const),
    records: setOf(participantRecords, ({ registration }) => registration.statement.enlistment),
    completion: fc.array(signedOf(completionStatements), { maxLength: 3 }),
    closing: sharedOf(closingStatements),
  },
  { requiredKeys: ['kind', 'tid', 'outcome', 'records', 'completion'] },
);

export const slotValues: fc.Arbitrary<SlotValue> = fc.oneof(activationValues, outcomeValues);

export const phaseCertificates: fc.Arbitrary<PhaseCertificate> = sharedOf(phaseStatements);

export const preparedCertificates: fc.Arbitrary<PreparedCertificate> = fc.record({
  prePrepare: signedOf(phaseStatements),
  prepares: phaseCertificates,
  value: slotValues,
});

export const decisionProofs: fc.Arbitrary<DecisionProof> = fc.record({
  commits: phaseCertificates,
  value: slotValues,
});

export const viewChangeStatements: fc.Arbitrary<ViewChangeStatement> = fc.record({
  kind: fc.constant('view-change'),
  view: views,
  prepared: setOf(preparedCertificates, ({ prePrepare }) => slotKey(prePrepare.statement.slot), 2),
});

export const signedViewChanges: fc.Arbitrary<SignedViewChange> = fc
  .tuple(replicas, signedOf(viewChangeStatements))
  .map(([replica, signed]) => ({ replica, ...signed }));

export const newViewStatements: fc.Arbitrary<NewViewStatement> = fc.record({
  kind: fc.constant('new-view'),
  view: views,
  viewChanges: setOf(signedViewChanges, ({ replica }) => replica, 2),
});

export const anyStatements: fc.Arbitrary<AnyStatement> = fc.oneof(
  statements,
  proposalStatements,
  closingStatements,
  phaseStatements,
  viewChangeStatements,
  newViewStatements,
  invitations,
);

/** Every kind of peer message by its kind: the compiler sees to it that none is missing. */
export const peerMessagesByKind: {
  readonly [Kind in PeerMessage['kind']]: fc.Arbitrary<Extract<PeerMessage, { kind: Kind }>>;
} = {
  requests: fc.record({
    kind: fc.constant('requests'),
    requests: fc.array(signedOf(activationStatements), { maxLength: 3 }),
  }),
  'activation-pre-prepare': fc.record({
    kind: fc.constant('activation-pre-prepare'),
    requests: fc.array(signedOf(activationStatements), { maxLength: 3 }),
    proposal: signedOf(proposalStatements),
  }),
  'pre-prepare-reply': fc.record({
    kind: fc.constant('pre-prepare-reply'),
    proposal: signedOf(proposalStatements),
  }),
  'pre-prepare-update': fc.record({
    kind: fc.constant('pre-prepare-update'),
    prePrepare: signedOf(phaseStatements),
    chosen: setOf(fc.record({ replica: replicas, digest: digests }), ({ replica }) => replica),
  }),
  'pre-prepare': fc.record({
    kind: fc.constant('pre-prepare'),
    prePrepare: signedOf(phaseStatements),
    value: slotValues,
  }),
  phase: fc.record({ kind: fc.constant('phase'), signed: signedOf(phaseStatements) }),
  record: fc.record({
    kind: fc.constant('record'),
    record: signedOf(
      fc.oneof(
        registrationStatements as fc.Arbitrary<
          RegistrationStatement | VoteStatement | CompletionStatement
        >,
        voteStatements,
        completionStatements,
      ),
    ),
  }),
  'view-change': fc.record({ kind: fc.constant('view-change'), viewChange: signedViewChanges }),
  'new-view': fc.record({
    kind: fc.constant('new-view'),
    newView: signedOf(newViewStatements),
  }),
  closing: fc.record({ kind: fc.constant('closing'), signed: signedOf(closingStatements) }),
  bonded: fc.record({
    kind: fc.constant('bonded'),
    slot: slots,
    view: views,
    proposal: fc.option(fc.record({ prePrepare: signedOf(phaseStatements), value: slotValues })),
  }),
  prepared: fc.record({ kind: fc.constant('prepared'), certificate: preparedCertificates }),
  decided: fc.record({ kind: fc.constant('decided'), proof: decisionProofs }),
  fetch: fc.record({ kind: fc.constant('fetch'), slot: slots }),
  'fetch-transaction': fc.record({
    kind: fc.constant('fetch-transaction'),
    tid: transactionIds,
    question: digests,
  }),
  'unknown-transaction': fc.record({
    kind: fc.constant('unknown-transaction'),
    tid: transactionIds,
    question: digests,
  }),
  recover: fc.record({
    kind: fc.constant('recover'),
    question: digests,
    after: fc.nat(0xffff_ffff),
    floors: fc.boolean(),
    leave: fc.option(views),
  }),
  inventory: fc.record({
    kind: fc.constant('inventory'),
    question: digests,
    after: fc.nat(0xffff_ffff),
    last: fc.boolean(),
    view: views,
    entered: views,
    recovering: fc.boolean(),
    open: fc.array(slots, { maxLength: 4 }),
    finished: fc.array(slots, { maxLength: 4 }),
    floors: fc.array(fc.array(signedOf(activationStatements), { maxLength: 3 }), { maxLength: 2 }),
  }),
};

export const peerMessages: fc.Arbitrary<PeerMessage> = fc.oneof(
  ...Object.values(peerMessagesByKind),
);
