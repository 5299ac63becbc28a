import type {
  VerifiedCommitCertificate,
  VerifiedCompletion,
} from '../../src/agreement/check-message.js';
import type { PhaseStatement } from '../../src/agreement/messages.js';
import type {
  Decision,
  InvitationStatement,
  Outcome,
  Vote,
  VoteStatement,
} from '../../src/agreement/statements.js';
import type { CommonOutput, StoredRecord, TimerInput } from '../../src/kernel/core.js';
import {
  attempt,
  digest,
  enlistmentId,
  initiatorId,
  participantId,
  replicaId,
  resilience,
  type TransactionId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import type { Signed, Verified } from '../../src/kernel/signed.js';
import type {
  ApplicationVote,
  CallId,
  EnlistmentRef,
  Invited,
  Notification,
  OperationResult,
  ParticipantInput,
  ParticipantLimits,
  ParticipantOutput,
} from '../../src/transaction/participant/messages.js';
import { Participant } from '../../src/transaction/participant/participant.js';

export type Output = ParticipantOutput<string> | CommonOutput;
type Input = ParticipantInput<string> | TimerInput;

export const tid = transactionId('00000000-0000-8000-8000-000000000001');
export const otherTid = transactionId('00000000-0000-8000-8000-000000000002');
export const ref: EnlistmentRef = { tid, enlistment: enlistmentId('D-1') };
export const preparedKey = `participant/prepared/${tid}/D-1`;
export const limits: ParticipantLimits = {
  enlistments: 3,
  invitationsPerInitiator: 3,
  finished: 3,
  expiresMs: 60_000,
};
export const applicationRecord = Uint8Array.of(1, 2, 3);
export const applicationWrite = { key: 'account/alice', value: Uint8Array.of(9) };

/** What the application of a rig says; `undefined`: nothing, the test says it. */
export interface Application {
  readonly execute?: OperationResult | undefined;
  readonly vote?: ApplicationVote | undefined;
  readonly settles?: boolean;
}

const willing: Application = {
  execute: { kind: 'done' },
  vote: { vote: 'prepared', record: applicationRecord },
  settles: true,
};

/** A participant of 4 coordinators and 3 initiators (f = 1), its application, disk and timers. */
export class Rig {
  readonly application: Application;
  readonly outputs: Output[] = [];
  readonly disk = new Map<string, Uint8Array>();
  readonly timers = new Map<string, number>();
  readonly #limits: ParticipantLimits;
  #core: Participant<string>;
  #calls = 0;

  constructor(application: Partial<Application> = {}, over: Partial<ParticipantLimits> = {}) {
    this.application = { ...willing, ...application };
    this.#limits = { ...limits, ...over };
    this.#core = this.#newCore();
  }

  #newCore(): Participant<string> {
    return new Participant<string>({
      id: participantId('bank-a'),
      resilience: resilience(4, 1),
      resendAfterMs: 100,
      limits: this.#limits,
      address: 'http://bank-a.test/participant',
      sign: (statement) => ({
        statement,
        bytes: new Uint8Array(),
        signature: new Uint8Array(),
      }),
    });
  }

  get underWay(): number {
    return this.#core.underWay;
  }

  /** Handles an input and all that the application says to it; returns what this put out. */
  give(input: Input): readonly Output[] {
    return this.#take(this.#core.handle(input));
  }

  /** The process dies and comes back with what was on disk. */
  restart(): readonly Output[] {
    this.timers.clear();
    this.#core = this.#newCore();
    const records: StoredRecord[] = [...this.disk].map(([key, value]) => ({ key, value }));
    return this.#take(this.#core.restore(records));
  }

  #take(outputs: readonly Output[]): readonly Output[] {
    this.outputs.push(...outputs);
    for (const output of outputs) this.#note(output);
    return [...outputs, ...outputs.flatMap((output) => this.#applicationSays(output))];
  }

  #note(output: Output): void {
    if (output.kind === 'start-timer') this.timers.set(output.name, output.delayMs);
    if (output.kind === 'stop-timer') this.timers.delete(output.name);
    if (output.kind !== 'persist') return;
    if (output.value === null) this.disk.delete(output.key);
    else this.disk.set(output.key, output.value);
  }

  #applicationSays(output: Output): readonly Output[] {
    const { execute, vote, settles } = this.application;
    switch (output.kind) {
      case 'execute':
        return execute ? this.give({ kind: 'executed', ref: output.ref, result: execute }) : [];
      case 'prepare':
        return vote ? this.give({ kind: 'voted', ref: output.ref, vote }) : [];
      case 'commit':
        return settles
          ? this.give({ kind: 'settled', ref: output.ref, writes: [applicationWrite] })
          : [];
      case 'roll-back':
        return settles ? this.give({ kind: 'settled', ref: output.ref, writes: [] }) : [];
      default:
        return [];
    }
  }

  invite(initiator: number, over: Partial<Invited<string>> = {}): readonly Output[] {
    this.#calls += 1;
    return this.give({
      kind: 'invited',
      call: this.#calls as CallId,
      initiator: initiatorId(initiator),
      tid,
      operation: 'debit alice 5',
      digest: digest('a'.repeat(64)),
      protocol: 'durable',
      expiresMs: 10_000,
      enlistment: ref.enlistment,
      invitation: invitationBy(initiator, over.tid),
      ...over,
    });
  }

  acknowledge(...replicas: readonly number[]): readonly Output[] {
    return replicas.flatMap((replica) =>
      this.give({ kind: 'registered', replica: replicaId(replica), ref }),
    );
  }

  hear(
    message: Notification,
    replicas: readonly number[],
    certificate?: VerifiedCommitCertificate,
    completion?: VerifiedCompletion,
    vote?: Verified<VoteStatement>,
  ): readonly Output[] {
    return replicas.flatMap((replica) =>
      this.give({
        kind: 'notified',
        replica: replicaId(replica),
        ref,
        message,
        ...(certificate && { certificate }),
        ...(completion && { completion }),
        ...(vote && { vote }),
      }),
    );
  }

  runOut(name: string): readonly Output[] {
    if (!this.timers.delete(name)) throw new Error(`the timer ${name} is not running`);
    return this.give({ kind: 'timer', name });
  }

  /** Registered, executed and answered. */
  activate(over: Partial<Invited<string>> = {}): this {
    this.invite(0, over);
    this.invite(1, over);
    this.acknowledge(0, 1, 2);
    return this;
  }

  /** In doubt. */
  prepare(): this {
    this.activate();
    this.hear('prepare', [0, 1]);
    return this;
  }
}

/** An initiator's invitation as if its signature had been checked. */
export function invitationBy(
  initiator: number,
  of: TransactionId = tid,
  places = 1,
): Verified<InvitationStatement> {
  const statement: InvitationStatement = {
    kind: 'invitation',
    tid: of,
    participant: participantId('bank-a'),
    places,
    inviter: { role: 'initiator', id: initiatorId(initiator) },
    invitations: [],
  };
  const signed = { statement, bytes: new Uint8Array(), signature: new Uint8Array() };
  return signed as Signed<InvitationStatement> as Verified<InvitationStatement>;
}

/** All outputs of one kind. */
export function only<Kind extends Output['kind']>(
  outputs: readonly Output[],
  kind: Kind,
): Extract<Output, { kind: Kind }>[] {
  return outputs.filter(
    (output): output is Extract<Output, { kind: Kind }> => output.kind === kind,
  );
}

/** The votes in these outputs, each with its addressees. */
export function votes(outputs: readonly Output[]) {
  return only(outputs, 'send-vote').map(({ to, statement }) => [statement.statement.vote, to]);
}

/** The acknowledgements in these outputs, each with its addressees. */
export function acknowledgements(outputs: readonly Output[]) {
  return only(outputs, 'send-acknowledgement').map(({ to, statement }) => [
    statement.statement.outcome,
    to,
  ]);
}

export function results(outputs: readonly Output[]) {
  return only(outputs, 'answer').flatMap(({ calls, result }) =>
    calls.map((call) => [call, result.kind === 'done' ? 'done' : result.reason]),
  );
}

/** Completion requests as if their signatures had been checked. */
export function completionOf(decision: Decision, of = ref.tid): VerifiedCompletion {
  return { tid: of, decision } as VerifiedCompletion;
}

/** This participant's vote as if its signature had been checked. */
export function voteOf(vote: Vote, of: EnlistmentRef = ref): Verified<VoteStatement> {
  const statement: VoteStatement = {
    kind: 'vote',
    ...of,
    participant: participantId('bank-a'),
    vote,
  };
  const signed = { statement, bytes: new Uint8Array(), signature: new Uint8Array() };
  return signed as Signed<VoteStatement> as Verified<VoteStatement>;
}

/** A certificate as if its signatures had been checked. */
export function certificateOf(
  outcome: Outcome,
  of: TransactionId = tid,
  over: Partial<PhaseStatement> = {},
): VerifiedCommitCertificate {
  return {
    statement: {
      kind: 'phase',
      phase: 'commit',
      slot: { kind: 'outcome', tid: of },
      ballot: { view: view(0), attempt: attempt(0) },
      digest: digest('0'.repeat(64)),
      result: { kind: 'outcome', outcome },
      ...over,
    },
    bytes: new Uint8Array(),
    signatures: [],
  } as unknown as VerifiedCommitCertificate;
}
