import { activationSlotRequest } from '../../src/crypto/activation-slot.js';
import type {
  PeerMessage,
  PhaseCertificate,
  PhaseStatement,
  PreparedCertificate,
  SlotKey,
  SlotValue,
} from '../../src/vocabulary/agreement.js';
import { slotKey } from '../../src/vocabulary/agreement.js';
import type { ReplicaId, TransactionId } from '../../src/vocabulary/ids.js';
import { primaryOf, quorum } from '../../src/vocabulary/quorum.js';
import type { Decision, Statement } from '../../src/vocabulary/statements.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Cast } from '../parties/cast.js';
import { bankAt, coordinatorAddress, replicaAt } from '../parties/cast.js';
import type { Packet } from '../parties/packets.js';
import type { Reader } from '../parties/reader.js';
import type {
  CompletionFact,
  DecisionFact,
  EnlistmentFact,
  Facts,
  RequestFact,
  Violation,
} from './facts.js';
import { Ledger } from './ledger.js';

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
  readonly requestOfSlot = new Map<SlotKey, RequestFact['digest']>();
  readonly decisions = new Map<SlotKey, DecisionFact[]>();
  readonly values = new Map<RequestFact['digest'], SlotValue>();
  readonly firstVoteMs = new Map<RequestFact['digest'], number>();
  readonly enlistments = new Map<EnlistmentFact['enlistment'], EnlistmentFact>();
  readonly completions = new Map<CompletionKey, CompletionFact>();
  readonly contradictions: Violation[] = [];
  readonly ledger: Ledger;
  /** The highest view that a new-view message opened. */
  highestView = 0;
  readonly #options: WitnessOptions;
  readonly #quorum: number;
  readonly #seen = new WeakSet<Uint8Array>();
  readonly #said = new Map<string, string>();
  readonly #committers = new Map<string, Set<ReplicaId>>();
  readonly #registering = new Map<number, EnlistmentFact>();

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#quorum = quorum(options.cast.cluster.resilience);
    this.ledger = new Ledger(options.nowMs);
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
        const enlistment = this.enlistments.get(statement.enlistment);
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
        return this.#phase(
          this.#primary(message.prePrepare.statement),
          message.prePrepare.statement,
        );
      case 'pre-prepare':
        this.#value(message.prePrepare.statement, message.value);
        return this.#phase(
          this.#primary(message.prePrepare.statement),
          message.prePrepare.statement,
        );
      case 'phase':
        return this.#phase(from, message.signed.statement);
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
        const slot = slotKey({ kind: 'activation', request: activationSlotRequest(statement) });
        this.requestOfSlot.set(slot, statement.request);
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

  #enlistment({
    participant,
    tid,
    enlistment,
  }: Extract<Statement, { kind: 'registration' | 'vote' }>): EnlistmentFact {
    const known = this.enlistments.get(enlistment);
    if (known?.participant === participant && known.tid === tid) return known;
    const fact = {
      participant,
      tid,
      enlistment,
      acknowledgedBy: new Set<string>(),
      votes: new Set<never>(),
    };
    if (!known) this.enlistments.set(enlistment, fact);
    return fact;
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
    this.#phase(this.#primary(prePrepare.statement), prePrepare.statement);
    for (const { replica } of prepares.signatures) this.#phase(replica, prepares.statement);
  }

  #certified(commits: PhaseCertificate, value: SlotValue | undefined): void {
    if (value) this.#value(commits.statement, value);
    for (const { replica } of commits.signatures) this.#phase(replica, commits.statement);
  }

  /** A replica signed this. A correct one never signs two different ones of a phase and ballot. */
  #phase(replica: ReplicaId, statement: PhaseStatement): void {
    const { phase, slot, ballot, digest, result } = statement;
    const slotName = slotKey(slot);
    const about = `${digest} ${JSON.stringify(result)}`;
    const address = coordinatorAddress(replica);
    if (this.#options.isCorrect(address)) {
      const where = `${address} ${phase} ${slotName} ${ballot.view}.${ballot.attempt}`;
      const before = this.#said.get(where);
      if (before !== undefined && before !== about) {
        this.#violation('no-contradiction', `${where}: signed ${before} and ${about}`);
      }
      this.#said.set(where, about);
      if (!this.firstVoteMs.has(digest)) this.firstVoteMs.set(digest, this.#options.nowMs());
    }
    if (phase !== 'commit') return;
    const key = `${slotName} ${ballot.view}.${ballot.attempt} ${about}`;
    const committers = (this.#committers.get(key) ?? new Set()).add(replica);
    this.#committers.set(key, committers);
    if (committers.size >= this.#quorum) this.#decided(statement, slotName);
  }

  #decided({ ballot, digest, result }: PhaseStatement, slot: SlotKey): void {
    const known = this.decisions.get(slot) ?? [];
    const isKnown = known.some(
      (one) => one.digest === digest && JSON.stringify(one.result) === JSON.stringify(result),
    );
    if (isKnown) return;
    known.push({ slot, ballot, digest, result, atMs: this.#options.nowMs() });
    this.decisions.set(slot, known);
  }

  #primary({ ballot }: PhaseStatement): ReplicaId {
    return primaryOf(this.#options.cast.cluster.resilience, ballot.view);
  }

  #badProof(from: string, kind: string): void {
    if (!this.#options.isCorrect(from)) return;
    this.#violation('proofs-verify', `${from} sent ${kind} that does not verify`);
  }

  #violation(checker: string, what: string): void {
    if (this.contradictions.length < 20) this.contradictions.push({ checker, what });
  }
}
