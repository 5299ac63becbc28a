import type {
  ActivationStatement,
  Decision,
  Outcome,
  RegistrationStatement,
  TwoPhaseProtocol,
  Vote,
} from '../../src/agreement/statements.js';
import {
  clientId,
  digest,
  type EnlistmentId,
  type InitiatorId,
  oneCorrect,
  type ParticipantId,
  participantId,
  type TransactionId,
} from '../../src/kernel/ids.js';
import type {
  CoordinatorOutput,
  ParticipantNotice,
} from '../../src/transaction/coordinator/core/messages.js';
import { newEnlistment } from '../../src/transaction/enlistment-name.js';
import { invitationsOf } from './invitations.js';
import type { Rig } from './rig.js';

type Output<Kind extends CoordinatorOutput['kind']> = Extract<CoordinatorOutput, { kind: Kind }>;

/**
 * The other parties of transactions, as simple as can be: initiators and participants that talk to the
 * coordinator replicas of a rig, and check that nobody hears two outcomes.
 */
export class Story {
  readonly rig: Rig;
  /** What each enlistment was told, by `f + 1` matching notices or one with a certificate. */
  readonly heard = new Map<EnlistmentId, Outcome>();
  readonly votes = new Map<ParticipantId, Vote>();
  readonly initiatorHeard = new Map<InitiatorId, Set<Outcome>>();
  /** Replicas that have answered an activation, by transaction. */
  readonly activated = new Map<TransactionId, Set<number>>();
  readonly registrations: RegistrationStatement[] = [];
  readonly refusals: Output<'refused'>[] = [];
  readonly notices: { replica: number; atMs: number; notice: Output<'notify-participant'> }[] = [];
  readonly others: { replica: number; output: CoordinatorOutput }[] = [];
  /** Replicas that a participant's vote reaches. */
  voteReaches: (replica: number, registration: RegistrationStatement) => boolean = () => true;
  readonly #asked = new Map<string, TransactionId>();
  readonly #from = new Map<string, Set<number>>();

  constructor(rig: Rig) {
    this.rig = rig;
    rig.onOutput = (replica, output) => this.#onOutput(replica, output);
  }

  activationStatement(initiator: number, timestamp = 1): ActivationStatement {
    return {
      kind: 'activation',
      client: clientId('alice'),
      timestamp,
      request: digest('ab'.repeat(32)),
      expiresMs: 60_000,
      initiator: initiator as InitiatorId,
    };
  }

  /** So many initiators as one of them is correct. */
  get initiators(): number[] {
    const { resilience } = this.rig.parties.cluster;
    return Array.from({ length: oneCorrect(resilience) }, (_, index) => index);
  }

  /** Initiators ask replicas; every one that lives unless told otherwise. */
  ask(
    timestamp = 1,
    initiators = this.initiators,
    replicas: Iterable<number> = this.rig.alive,
  ): void {
    for (const initiator of initiators) {
      for (const replica of [...replicas]) {
        this.rig.input(replica, {
          kind: 'activate',
          statement: this.rig.verified(this.activationStatement(initiator, timestamp)),
          replyId: `${replica}/${initiator}/${timestamp}`,
        });
      }
    }
  }

  /** The transaction that the request with this timestamp became. */
  transactionOf(timestamp = 1): TransactionId | undefined {
    return this.#asked.get(String(timestamp));
  }

  /** Asks, and runs until all replicas that live have answered. */
  activate(timestamp = 1): TransactionId {
    this.ask(timestamp);
    this.rig.runUntil(() => {
      const tid = this.transactionOf(timestamp);
      return tid !== undefined && (this.activated.get(tid)?.size ?? 0) >= this.rig.alive.size;
    });
    return this.transactionOf(timestamp) as TransactionId;
  }

  registration(
    tid: TransactionId,
    participant: string,
    options: { protocol?: TwoPhaseProtocol; id?: string; places?: number } = {},
  ): RegistrationStatement {
    const { protocol = 'durable', id = '1', places } = options;
    const own = protocol === 'durable' ? `D-${id}` : id;
    const invited = { tid, participant: participantId(participant), ...(places && { places }) };
    return {
      kind: 'registration',
      tid,
      participant: participantId(participant),
      enlistment: newEnlistment(participantId(participant), protocol, own),
      protocol,
      address: `http://${participant}.test:8080/participant`,
      invitations: invitationsOf(this.rig.parties, invited),
    };
  }

  register(
    tid: TransactionId,
    participant: string,
    options: { protocol?: TwoPhaseProtocol; at?: readonly number[]; id?: string } = {},
  ): EnlistmentId {
    const statement = this.registration(tid, participant, options);
    this.registrations.push(statement);
    this.sendRegistration(statement, options.at);
    return statement.enlistment;
  }

  sendRegistration(
    statement: RegistrationStatement,
    replicas: Iterable<number> = this.rig.alive,
  ): void {
    for (const replica of [...replicas]) {
      const replyId = `${replica}/${statement.enlistment}`;
      this.rig.input(replica, {
        kind: 'register',
        statement: this.rig.verified(statement),
        replyId,
      });
    }
  }

  complete(
    tid: TransactionId,
    decision: Decision,
    options: { initiators?: readonly number[]; at?: Iterable<number> } = {},
  ): void {
    const { initiators = this.initiators, at = this.rig.alive } = options;
    for (const initiator of initiators as InitiatorId[]) {
      const statement = this.rig.verified({ kind: 'completion', tid, decision, initiator });
      for (const replica of [...at]) this.rig.input(replica, { kind: 'complete', statement });
    }
  }

  vote(
    registration: RegistrationStatement,
    vote: Vote,
    replicas: Iterable<number> = this.rig.alive,
  ): void {
    const { tid, participant, enlistment, address } = registration;
    const statement = this.rig.verified({ kind: 'vote', tid, participant, enlistment, vote });
    for (const replica of [...replicas]) {
      if (!this.voteReaches(replica, registration)) continue;
      this.rig.input(replica, { kind: 'vote', statement, source: address });
    }
  }

  /** Two banks are registered and asked to commit. Returns the transaction. */
  transfer(timestamp = 1): TransactionId {
    const tid = this.activate(timestamp);
    this.register(tid, 'bank-a');
    this.register(tid, 'bank-b');
    this.complete(tid, 'commit');
    return tid;
  }

  /** Every replica that lives has decided the outcome of the transaction. */
  isDecided(tid: TransactionId): boolean {
    return [...this.rig.alive].every((replica) => this.outcomeAt(replica, tid) !== undefined);
  }

  outcomeAt(replica: number, tid: TransactionId): Outcome | undefined {
    const result = this.rig.decision(replica, { kind: 'outcome', tid })?.commits.statement.result;
    return result?.kind === 'outcome' ? result.outcome : undefined;
  }

  /** Runs until all that live have decided; returns their outcome. */
  outcome(tid: TransactionId, limitMs?: number): Outcome | undefined {
    this.rig.runUntil(() => this.isDecided(tid), limitMs);
    this.rig.checkAgreement();
    const [replica] = this.rig.alive;
    return this.outcomeAt(replica ?? 0, tid);
  }

  /** Replicas that sent the participant this notice. */
  sendersOf(notice: ParticipantNotice, enlistment: EnlistmentId): number[] {
    return this.notices
      .filter((one) => one.notice.notice === notice)
      .filter((one) => one.notice.registration.enlistment === enlistment)
      .map(({ replica }) => replica)
      .sort((a, b) => a - b);
  }

  #onOutput(replica: number, output: CoordinatorOutput): void {
    switch (output.kind) {
      case 'activated': {
        const [, , timestamp = ''] = output.replyId.split('/');
        const known = this.#asked.get(timestamp) ?? output.tid;
        if (known !== output.tid) throw new Error(`request ${timestamp} has two transactions`);
        this.#asked.set(timestamp, output.tid);
        const replicas = this.activated.get(output.tid) ?? new Set();
        this.activated.set(output.tid, replicas.add(replica));
        return;
      }
      case 'decided':
        return;
      case 'refused':
        this.refusals.push(output);
        return;
      case 'notify-initiator': {
        const heard = this.initiatorHeard.get(output.initiator) ?? new Set();
        this.initiatorHeard.set(output.initiator, heard.add(output.outcome));
        return;
      }
      case 'notify-participant':
        this.notices.push({ replica, atMs: this.rig.nowMs, notice: output });
        return this.#onNotice(replica, output);
      default:
        this.others.push({ replica, output });
    }
  }

  #onNotice(replica: number, output: Output<'notify-participant'>): void {
    const { notice, registration, certificate, completion } = output;
    const { tid, enlistment, participant } = registration;
    const key = `${tid} ${enlistment} ${notice}`;
    const from = (this.#from.get(key) ?? new Set()).add(replica);
    this.#from.set(key, from);
    if (!certificate && !completion && from.size < oneCorrect(this.rig.parties.cluster.resilience))
      return;
    if (notice === 'Prepare') {
      const vote = this.votes.get(participant) ?? 'prepared';
      return this.rig.after(2, () => this.vote(registration, vote));
    }
    const outcome = notice === 'Commit' ? 'commit' : 'abort';
    const known = this.heard.get(enlistment);
    if (known && known !== outcome) throw new Error(`${enlistment} heard both`);
    this.heard.set(enlistment, outcome);
    this.rig.after(2, () => {
      const statement = this.rig.verified({
        kind: 'acknowledgement',
        tid,
        enlistment,
        participant,
        outcome,
      });
      for (const one of from) {
        if (this.rig.alive.has(one)) this.rig.input(one, { kind: 'ended', statement });
      }
    });
  }
}
