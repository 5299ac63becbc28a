import type { Keyring } from '../../../src/kernel/keys.js';
import { verifyOperationProof } from '../../../src/session/check-proof.js';
import type { OperationStatus } from '../../../src/session/core/outbox.js';
import { verifyRun } from '../../../src/session/owners.js';
import type { CallResult, SessionOperation } from '../../../src/session/types.js';
import type { Host, Life } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import type { OwnedSession, SimOwners } from './owners.js';
import type { Answer, Question, SessionPacket } from './packets.js';

const ANSWER_TIMEOUT_MS = 1500;
const POLL_MS = 400;
/** A home that has nothing final to show for so many polls is left. */
const POLLS_MAX = 8;
/** Between one operation and the next. */
const THINKING_MS = 120;

export interface Errand {
  readonly session: OwnedSession;
  readonly operations: readonly SessionOperation[];
  /** It goes away once all is promised, and never asks what came of it. */
  readonly walksAway: boolean;
  readonly afterMs: number;
}

/** What a client has been told of one operation, and believes. */
export interface ClientEvents {
  /** `home` has said this of an operation. */
  told(home: number, session: OwnedSession, sequence: number, status: OperationStatus): void;
  settled(session: OwnedSession, sequence: number, result: CallResult): void;
  /** What no honest replica may say to an honest client. */
  wronged(home: number, what: string): void;
  left(session: OwnedSession): void;
  finished(): void;
}

export interface ClientOptions {
  readonly host: Host;
  readonly n: number;
  readonly home: number;
  readonly random: Random;
  readonly owners: SimOwners;
  readonly keyring: Keyring;
  readonly errands: readonly Errand[];
  readonly send: (replica: number, packet: SessionPacket) => void;
  readonly events: ClientEvents;
}

/** An owner of sessions who goes to another replica when one is silent, and believes proofs only. */
export class SessionClient implements Life<SessionPacket> {
  readonly load = { timers: 0, outputs: 0 };
  readonly #options: ClientOptions;
  #home: number;
  #errand = 0;
  /** Operations that the home has acknowledged. */
  #acknowledged = 0;
  readonly #settled = new Set<number>();
  #call = 0;
  #polls = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#home = options.home;
    this.#begin();
  }

  linked(): void {}

  receive(_from: string, packet: SessionPacket): void {
    if (packet.kind !== 'answer' || packet.call !== this.#call) return;
    this.#call += 1;
    this.#take(packet.answer);
  }

  get #now(): Errand | undefined {
    return this.#options.errands[this.#errand];
  }

  #begin(): void {
    this.#acknowledged = 0;
    this.#settled.clear();
    this.#polls = 0;
    const errand = this.#now;
    if (!errand) return this.#options.events.finished();
    this.#options.host.after(errand.afterMs, () => this.#goOn());
  }

  /** The next operations, or what came of them all. */
  #goOn(): void {
    const errand = this.#now;
    if (!errand) return;
    const { session, operations } = errand;
    if (this.#acknowledged < session.length) return this.#run(this.#acknowledged + 1);
    if (session.length < operations.length) {
      const count = 1 + this.#options.random.int(2);
      for (const operation of operations.slice(session.length, session.length + count)) {
        session.append(operation);
      }
      return this.#run(this.#acknowledged + 1);
    }
    if (errand.walksAway) {
      this.#options.events.left(session);
      return this.#next();
    }
    if (this.#settled.size === session.length) return this.#next();
    this.#options.host.after(POLL_MS, () => this.#poll());
  }

  #next(): void {
    this.#errand += 1;
    this.#begin();
  }

  #run(first: number): void {
    const session = this.#now?.session;
    if (!session) return;
    const run = verifyRun(this.#options.owners.asOwners, session.runFrom(first));
    if (!run.ok) throw new Error(`its own run does not verify: ${JSON.stringify(run.error)}`);
    this.#ask({ kind: 'run', run: run.value, commit: this.#options.random.chance(0.2) });
  }

  #poll(): void {
    const session = this.#now?.session;
    if (!session) return;
    this.#polls += 1;
    if (this.#polls > POLLS_MAX) return this.#leaveHome();
    this.#ask({ kind: 'status', session: session.id, from: 1 });
  }

  /** Another replica, which may know nothing: it gets all that is not final. */
  #leaveHome(): void {
    this.#home = (this.#home + 1) % this.#options.n;
    this.#polls = 0;
    this.#acknowledged = this.#settledInARow;
    const session = this.#now?.session;
    if (session && this.#acknowledged >= session.length) return this.#goOn();
    this.#run(this.#acknowledged + 1);
  }

  get #settledInARow(): number {
    let last = 0;
    while (this.#settled.has(last + 1)) last += 1;
    return last;
  }

  #ask(question: Question): void {
    this.#call += 1;
    const call = this.#call;
    this.#options.send(this.#home, { kind: 'question', call, question });
    this.#options.host.after(ANSWER_TIMEOUT_MS, () => {
      if (call === this.#call) this.#leaveHome();
    });
  }

  #take(answer: Answer): void {
    if (answer.kind === 'refused') return this.#onRefused(answer);
    const session = this.#now?.session;
    if (answer.kind !== 'answer' || !session || answer.session !== session.id) {
      return this.#leaveHome();
    }
    for (const { sequence, status } of answer.statuses) {
      if (sequence > session.length || this.#settled.has(sequence)) continue;
      this.#options.events.told(this.#home, session, sequence, status);
      if ('proof' in status && !this.#settle(session, sequence, status)) return this.#leaveHome();
      this.#acknowledged = Math.max(this.#acknowledged, sequence);
    }
    const { host, random } = this.#options;
    host.after(random.between(0, THINKING_MS), () => this.#goOn());
  }

  #onRefused({ refusal }: Extract<Answer, { kind: 'refused' }>): void {
    const { host, events } = this.#options;
    switch (refusal.code) {
      case 'gap':
        this.#acknowledged = Math.min(this.#acknowledged, refusal.next - 1);
        return this.#run(refusal.next);
      case 'busy':
        return host.after(refusal.retryAfterMs, () => this.#goOn());
      case 'unknown-session':
        return this.#leaveHome();
      default:
        events.wronged(this.#home, refusal.code);
        return this.#leaveHome();
    }
  }

  /** Only with a proof for this very operation. */
  #settle(
    session: OwnedSession,
    sequence: number,
    { result, proof }: Extract<OperationStatus, { readonly proof: unknown }>,
  ): boolean {
    const { outcome } = proof;
    const isOfIt =
      outcome.session === session.id &&
      outcome.sequence === sequence &&
      outcome.head === session.headAfter(sequence) &&
      JSON.stringify(outcome.result) === JSON.stringify(result);
    if (!isOfIt || !verifyOperationProof(this.#options.keyring, proof).ok) {
      this.#options.events.wronged(this.#home, `a final of ${sequence} without its proof`);
      return false;
    }
    this.#settled.add(sequence);
    this.#polls = 0;
    this.#options.events.settled(session, sequence, result);
    return true;
  }
}
