import type {
  PeerMessage,
  PhaseCertificate,
  PhaseStatement,
  PreparedCertificate,
  SlotValue,
} from '../../../src/agreement/messages.js';
import type {
  Decision,
  RegistrationStatement,
  Statement,
  VoteStatement,
} from '../../../src/agreement/statements.js';
import { activationContent } from '../../../src/agreement/values.js';
import { primaryOf, type ReplicaId, type TransactionId } from '../../../src/kernel/ids.js';
import type { DiskWrite } from '../engine/disk.js';
import { bankAt, type Cast, replicaAt } from '../kit/cast.js';
import type { Violation } from '../kit/violation.js';
import type { Packet } from '../parties/packets.js';
import type { Reader } from '../parties/reader.js';
import { Ballots } from './ballots.js';
import {
  type CompletionFact,
  type EnlistmentFact,
  enlistmentKey,
  type Facts,
  type RequestFact,
} from './facts.js';
import { Ledger } from './ledger.js';

const BAD_PROOFS_MAX = 20;

type CompletionKey = `${TransactionId} ${Decision}`;

export interface WitnessOptions {
  readonly cast: Cast;
  readonly reader: Reader;
  readonly nowMs: () => number;
  readonly isCorrect: (address: string) => boolean;
}

/** Sees all that is sent, and keeps what the checkers go by. It knows the messages, and no core. */
export class Witness implements Facts {
  readonly requests = new Map<RequestFact['digest'], RequestFact>();
  readonly requestOfContent = new Map<RequestFact['digest'], RequestFact['digest']>();
  readonly values = new Map<RequestFact['digest'], SlotValue>();
  readonly enlistments = new Map<string, EnlistmentFact>();
  readonly completions = new Map<CompletionKey, CompletionFact>();
  readonly ledger: Ledger;
  /** The highest view that a new-view message opened. */
  highestView = 0;
  readonly #options: WitnessOptions;
  readonly #seen = new WeakSet<Uint8Array>();
  readonly #ballots: Ballots;
  readonly #badProofs: Violation[] = [];
  readonly #registering = new Map<number, EnlistmentFact>();

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#ballots = new Ballots({ ...options, ...options.cast.cluster });
    this.ledger = new Ledger(options.nowMs);
  }

  get decisions() {
    return this.#ballots.decisions;
  }

  get firstVoteMs() {
    return this.#ballots.firstVoteMs;
  }

  get contradictions(): readonly Violation[] {
    return [...this.#ballots.contradictions, ...this.#badProofs];
  }

  get settlements() {
    return this.ledger.settlements;
  }

  requested(fact: RequestFact): void {
    this.requests.set(fact.digest, fact);
  }

  written(address: string, writes: readonly DiskWrite[]): void {
    if (bankAt(address)) this.ledger.written(address, writes);
  }

  lostDisk(address: string): void {
    this.#ballots.lostDisk(address);
  }

  sent(from: string, packet: Packet): void {
    switch (packet.kind) {
      case 'peer':
        return this.#sentPeer(from, packet.bytes);
      case 'activate':
      case 'complete':
      case 'vote':
      case 'register': {
        const statement = this.#options.reader.statement(packet.statement)?.statement;
        if (statement) this.#stated(statement);
        if (packet.kind !== 'register' || statement?.kind !== 'registration') return;
        const enlistment = this.enlistments.get(enlistmentKey(statement));
        if (enlistment) this.#registering.set(packet.call, enlistment);
        return;
      }
      case 'activated':
      case 'notice':
      case 'outcome': {
        const certificate = packet.proof && this.#options.reader.certificate(packet.proof);
        if (packet.proof && !certificate) return this.#badProof(from, packet.kind);
        if (certificate) this.#certified(certificate, undefined);
        return;
      }
      default:
        return;
    }
  }

  delivered(from: string, to: string, packet: Packet): void {
    if (packet.kind !== 'registered') return;
    const enlistment = this.#registering.get(packet.call);
    if (enlistment?.participant === to) enlistment.acknowledgedBy.add(from);
  }

  #sentPeer(from: string, bytes: Uint8Array): void {
    if (this.#seen.has(bytes)) return;
    this.#seen.add(bytes);
    const replica = replicaAt(from);
    const reading = replica === undefined ? undefined : this.#options.reader.peer(replica, bytes);
    if (replica === undefined || reading?.verified === undefined) {
      return this.#badProof(from, reading?.message.kind ?? 'undecodable peer message');
    }
    this.#heard(replica, reading.message);
  }

  #heard(from: ReplicaId, message: PeerMessage): void {
    switch (message.kind) {
      case 'requests':
      case 'activation-pre-prepare':
        for (const { statement } of message.requests) this.#stated(statement);
        return;
      case 'pre-prepare-update':
        return this.#ballots.signed(
          this.#primary(message.prePrepare.statement),
          message.prePrepare.statement,
        );
      case 'pre-prepare':
        this.#value(message.prePrepare.statement, message.value);
        return this.#ballots.signed(
          this.#primary(message.prePrepare.statement),
          message.prePrepare.statement,
        );
      case 'phase':
        return this.#ballots.signed(from, message.signed.statement);
      case 'record':
        return this.#stated(message.record.statement);
      case 'view-change':
        for (const one of message.viewChange.statement.prepared) this.#prepared(one);
        return;
      case 'new-view':
        this.highestView = Math.max(this.highestView, message.newView.statement.view);
        return;
      case 'prepared':
        return this.#prepared(message.certificate);
      case 'decided':
        return this.#certified(message.proof.commits, message.proof.value);
      default:
        return;
    }
  }

  #stated(statement: Statement): void {
    switch (statement.kind) {
      case 'activation': {
        this.requestOfContent.set(activationContent(statement), statement.request);
        return;
      }
      case 'completion':
        return this.#completion(statement);
      case 'registration':
        this.#enlistment(statement);
        return;
      case 'vote':
        this.#enlistment(statement).votes.add(statement.vote);
        return;
    }
  }

  #completion({ tid, decision, initiator }: Extract<Statement, { kind: 'completion' }>): void {
    const key = `${tid} ${decision}` as const;
    const known = this.completions.get(key) ?? {
      initiators: new Set(),
      firstMs: this.#options.nowMs(),
    };
    known.initiators.add(initiator);
    this.completions.set(key, known);
  }

  #enlistment(statement: RegistrationStatement | VoteStatement): EnlistmentFact {
    const { participant, tid, enlistment } = statement;
    const key = enlistmentKey(statement);
    const known = this.enlistments.get(key) ?? {
      participant,
      tid,
      enlistment,
      acknowledgedBy: new Set<string>(),
      votes: new Set<VoteStatement['vote']>(),
    };
    this.enlistments.set(key, known);
    return known;
  }

  #value(statement: PhaseStatement, value: SlotValue): void {
    if (this.values.has(statement.digest)) return;
    this.values.set(statement.digest, value);
    if (value.kind === 'activation') {
      for (const { statement: request } of value.requests) this.#stated(request);
      return;
    }
    // A liar's signed vote counts wherever it turns up; a correct one's, where it was sent.
    for (const { vote } of value.records) {
      if (vote && !this.#options.isCorrect(vote.statement.participant))
        this.#stated(vote.statement);
    }
  }

  #prepared({ prePrepare, prepares, value }: PreparedCertificate): void {
    this.#value(prePrepare.statement, value);
    this.#ballots.signed(this.#primary(prePrepare.statement), prePrepare.statement);
    for (const { replica } of prepares.signatures)
      this.#ballots.signed(replica, prepares.statement);
  }

  #certified(commits: PhaseCertificate, value: SlotValue | undefined): void {
    if (value) this.#value(commits.statement, value);
    for (const { replica } of commits.signatures) this.#ballots.signed(replica, commits.statement);
  }

  #primary({ ballot }: PhaseStatement): ReplicaId {
    return primaryOf(this.#options.cast.cluster.resilience, ballot.view);
  }

  #badProof(from: string, kind: string): void {
    if (!this.#options.isCorrect(from) || this.#badProofs.length >= BAD_PROOFS_MAX) return;
    const what = `${from} sent ${kind} that does not verify`;
    this.#badProofs.push({ checker: 'proofs-verify', what });
  }
}
