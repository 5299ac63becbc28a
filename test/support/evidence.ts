import { createHash } from 'node:crypto';
import type {
  ActivationValue,
  ClosingStatement,
  DecisionProof,
  NewViewStatement,
  OutcomeValue,
  ParticipantRecord,
  PhaseCertificate,
  PhaseStatement,
  PreparedCertificate,
  SignedViewChange,
  SlotValue,
  UuidProposal,
} from '../../src/agreement/messages.js';
import { encodeStatement, signStatement } from '../../src/agreement/signing.js';
import type {
  ActivationStatement,
  CompletionStatement,
  RegistrationStatement,
  Vote,
  VoteStatement,
} from '../../src/agreement/statements.js';
import {
  activationResult,
  activationSlotRequest,
  digestOfEnlistments,
  digestOfValue,
} from '../../src/agreement/values.js';
import { sha256 } from '../../src/kernel/digest.js';
import {
  attempt,
  clientId,
  enlistmentId,
  initiatorId,
  oneCorrect,
  participantId,
  primaryOf,
  quorum,
  replicaId,
  type TransactionId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import { type Signed, signatureOf } from '../../src/kernel/signed.js';
import { invitationsOf } from './invitations.js';
import type { TestCluster } from './keys.js';

/**
 * Makes well-founded, really signed evidence of a test cluster. Every method takes overrides, so that a
 * test says only what is odd about its case; what it overrides is signed like the rest.
 */
export class Evidence {
  readonly tid: TransactionId = transactionId('00000000-0000-8000-8000-00000000cafe');
  readonly of: TestCluster;

  constructor(of: TestCluster) {
    this.of = of;
  }

  get #id() {
    return this.of.cluster.id;
  }

  get #resilience() {
    return this.of.cluster.resilience;
  }

  request(initiator: number, over: Partial<ActivationStatement> = {}): Signed<ActivationStatement> {
    return signStatement(this.of.initiatorSign(initiator), this.#id, {
      kind: 'activation',
      client: clientId('alice/0'),
      timestamp: 1_700_000_000_000,
      request: sha256(Buffer.from('transfer 1')),
      expiresMs: 30_000,
      initiator: initiatorId(initiator),
      ...over,
    });
  }

  requests(): Signed<ActivationStatement>[] {
    return upTo(oneCorrect(this.#resilience)).map((i) => this.request(i));
  }

  proposal(replica: number, over: Partial<UuidProposal> = {}): Signed<UuidProposal> {
    return signStatement(this.of.replicaSign(replica), this.#id, {
      kind: 'proposal',
      slot: { kind: 'activation', request: activationSlotRequest(this.request(0).statement) },
      view: view(0),
      uuid: createHash('md5').update(`uuid ${replica}`).digest('hex'),
      replica: replicaId(replica),
      ...over,
    });
  }

  activationValue(over: Partial<ActivationValue> = {}): ActivationValue {
    return {
      kind: 'activation',
      requests: this.requests(),
      proposals: upTo(quorum(this.#resilience)).map((i) => this.proposal(i)),
      ...over,
    };
  }

  registration(
    name: string,
    over: Partial<RegistrationStatement> = {},
  ): Signed<RegistrationStatement> {
    const participant = over.participant ?? participantId(name);
    const tid = over.tid ?? this.tid;
    return signStatement(this.of.participantSign(name), this.#id, {
      kind: 'registration',
      tid,
      participant,
      enlistment: enlistmentId(`${participant}.D-1`),
      protocol: 'durable',
      address: `http://${name}.test:8080/participant`,
      invitations: invitationsOf(this.of, { tid, participant }),
      ...over,
    });
  }

  vote(
    name: string,
    vote: Vote = 'prepared',
    over: Partial<VoteStatement> = {},
  ): Signed<VoteStatement> {
    return signStatement(this.of.participantSign(name), this.#id, {
      kind: 'vote',
      tid: this.tid,
      participant: participantId(name),
      enlistment: enlistmentId(`${over.participant ?? name}.D-1`),
      vote,
      ...over,
    });
  }

  record(name: string, vote: Vote = 'prepared'): ParticipantRecord {
    return { registration: this.registration(name), vote: this.vote(name, vote) };
  }

  closing(replica: number, over: Partial<ClosingStatement> = {}): Signed<ClosingStatement> {
    const ids = ['bank-a', 'bank-b'].map((name) => enlistmentId(`${name}.D-1`));
    return signStatement(this.of.replicaSign(replica), this.#id, {
      kind: 'closing',
      tid: this.tid,
      view: view(0),
      enlistments: digestOfEnlistments(ids),
      ...over,
    });
  }

  /** The value, closed by a quorum. */
  closed(value: OutcomeValue, over: Partial<ClosingStatement> = {}): OutcomeValue {
    const ids = value.records.map(({ registration }) => registration.statement.enlistment);
    const closing = { tid: value.tid, enlistments: digestOfEnlistments(ids), ...over };
    const all = upTo(quorum(this.#resilience)).map((i) => this.closing(i, closing));
    const [first] = all;
    if (!first) throw new Error('a quorum of none');
    const { statement, bytes } = first;
    const signatures = all.map((signed, i) => signatureOf(replicaId(i), signed));
    return { ...value, closing: { statement, bytes, signatures } };
  }

  completion(
    initiator: number,
    over: Partial<CompletionStatement> = {},
  ): Signed<CompletionStatement> {
    return signStatement(this.of.initiatorSign(initiator), this.#id, {
      kind: 'completion',
      tid: this.tid,
      decision: 'commit',
      initiator: initiatorId(initiator),
      ...over,
    });
  }

  /** A commit with the consent of all participants. */
  commitValue(over: Partial<OutcomeValue> = {}): OutcomeValue {
    return {
      kind: 'outcome',
      tid: this.tid,
      outcome: 'commit',
      records: this.of.cluster.participants.map(({ name }) => this.record(name)),
      completion: upTo(oneCorrect(this.#resilience)).map((i) => this.completion(i)),
      ...over,
    };
  }

  /** What a phase says of a value, truly unless overridden. */
  phase(
    phase: PhaseStatement['phase'],
    value: SlotValue,
    over: Partial<PhaseStatement> = {},
  ): PhaseStatement {
    return {
      kind: 'phase',
      phase,
      ballot: { view: view(0), attempt: attempt(0) },
      digest: digestOfValue(value),
      ...(value.kind === 'outcome'
        ? {
            slot: { kind: 'outcome', tid: value.tid },
            result: { kind: 'outcome', outcome: value.outcome },
          }
        : {
            slot: { kind: 'activation', request: activationSlotRequest(firstRequest(value)) },
            result: activationResult(value),
          }),
      ...over,
    };
  }

  signedPhase(replica: number, statement: PhaseStatement): Signed<PhaseStatement> {
    return signStatement(this.of.replicaSign(replica), this.#id, statement);
  }

  /** Signed by the primary of the ballot's view. */
  prePrepare(value: SlotValue, over: Partial<PhaseStatement> = {}): Signed<PhaseStatement> {
    const statement = this.phase('pre-prepare', value, over);
    return this.signedPhase(primaryOf(this.#resilience, statement.ballot.view), statement);
  }

  certificate(statement: PhaseStatement, replicas: readonly number[]): PhaseCertificate {
    const bytes = encodeStatement(this.#id, statement);
    const signatures = replicas.map((replica) => ({
      replica: replicaId(replica),
      signature: this.of.replicaSign(replica)(bytes),
    }));
    return { statement, bytes, signatures };
  }

  /** Prepares of the first backups that make a quorum with the primary. */
  prepared(value: SlotValue, over: Partial<PhaseStatement> = {}): PreparedCertificate {
    const prePrepare = this.prePrepare(value, over);
    const primary = primaryOf(this.#resilience, prePrepare.statement.ballot.view);
    const backups = upTo(this.#resilience.n).filter((replica) => replica !== primary);
    const prepares = this.certificate(
      { ...prePrepare.statement, phase: 'prepare' },
      backups.slice(0, quorum(this.#resilience) - 1),
    );
    return { prePrepare, prepares, value };
  }

  decision(value: SlotValue, over: Partial<PhaseStatement> = {}): DecisionProof {
    const replicas = upTo(quorum(this.#resilience));
    return { commits: this.certificate(this.phase('commit', value, over), replicas), value };
  }

  viewChange(
    replica: number,
    to: number,
    prepared: readonly PreparedCertificate[] = [],
  ): SignedViewChange {
    const statement = { kind: 'view-change', view: view(to), prepared } as const;
    const signed = signStatement(this.of.replicaSign(replica), this.#id, statement);
    return { replica: replicaId(replica), ...signed };
  }

  newView(to: number, viewChanges: readonly SignedViewChange[]): Signed<NewViewStatement> {
    const primary = primaryOf(this.#resilience, view(to));
    const statement = { kind: 'new-view', view: view(to), viewChanges } as const;
    return signStatement(this.of.replicaSign(primary), this.#id, statement);
  }
}

/** 0, 1, ... up to but not including `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function firstRequest(value: ActivationValue): ActivationStatement {
  const [request] = value.requests;
  if (request === undefined) throw new RangeError('an activation without a request');
  return request.statement;
}
