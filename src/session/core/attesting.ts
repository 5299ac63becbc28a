import { digestOfText } from '../../kernel/digest.js';
import { type Digest, oneCorrect, type ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { digestOfStanding } from '../proof.js';
import type { AttestationStatement, SessionId } from '../types.js';
import { heldLimits } from './application.js';
import type { SessionMachine } from './machine/machine.js';
import type { SessionOutbox, SessionReplyId } from './outbox.js';

const TIMER = 'prove';
/** Callers that wait for proofs. */
const waitingMax = 256;
/** Times that the others are asked. */
const triesMax = 8;

type Attestation = Signed<AttestationStatement>;

interface Proof {
  readonly application: string;
  readonly key: string;
  readonly waiting: SessionReplyId[];
  value: string;
  digest: Digest;
  readonly attestations: Map<ReplicaId, Attestation>;
  tries: number;
}

/** What this replica signs of its state, and proofs of values from `f + 1` that sign the same. */
export class Attesting {
  readonly #outbox: SessionOutbox;
  readonly #machine: SessionMachine;
  readonly #position: () => number;
  readonly #proofs = new Map<string, Proof>();
  #waiting = 0;

  constructor(outbox: SessionOutbox, machine: SessionMachine, position: () => number) {
    this.#outbox = outbox;
    this.#machine = machine;
    this.#position = position;
  }

  onProve(replyId: SessionReplyId, application: string, key: string): void {
    const { states } = this.#machine.settling;
    if (!states.has(application)) {
      const name = application;
      return this.#outbox.refuse(replyId, { code: 'unknown-application', name });
    }
    const value = states.get(application)?.get(key);
    if (value === undefined) return this.#outbox.output({ kind: 'proved', replyId, proof: null });
    if (this.#waiting >= waitingMax) return this.#busy(replyId, 'too many wait for proofs');
    const name = JSON.stringify([application, key]);
    const known = this.#proofs.get(name);
    this.#waiting += 1;
    if (known) {
      known.waiting.push(replyId);
      return;
    }
    const digest = digestOfText(value);
    const attestations = new Map<ReplicaId, Attestation>();
    const proof = { application, key, waiting: [replyId], value, digest, attestations, tries: 0 };
    this.#proofs.set(name, proof);
    this.#ask(name, proof);
  }

  /** Where a session stands in this replica's order. */
  onAttest(replyId: SessionReplyId, session: SessionId): void {
    const attestation = this.#attest({ kind: 'session', session });
    const standing = this.#machine.table.standing(session);
    this.#outbox.output({ kind: 'attested', replyId, attestation, standing });
  }

  onPeerAttest(from: ReplicaId, subject: AttestationStatement['subject']): void {
    this.#outbox.send(from, { kind: 'attestation', attestation: this.#attest(subject) });
  }

  onAttestation(from: ReplicaId, attestation: Attestation): void {
    const { subject } = attestation.statement;
    if (subject.kind !== 'state') return;
    const name = JSON.stringify([subject.application, subject.key]);
    const proof = this.#proofs.get(name);
    if (!proof || attestation.statement.value !== proof.digest) return;
    proof.attestations.set(from, attestation);
    this.#check(name, proof);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== TIMER) return false;
    for (const [key, proof] of [...this.#proofs]) this.#ask(key, proof);
    return true;
  }

  /** Asks all, for the value as it is now. */
  #ask(name: string, proof: Proof): void {
    const { application, key } = proof;
    const value = this.#machine.settling.states.get(application)?.get(key);
    if (proof.tries >= triesMax || value === undefined) return this.#giveUp(name, proof);
    proof.tries += 1;
    if (value !== proof.value) proof.attestations.clear();
    proof.value = value;
    proof.digest = digestOfText(value);
    const subject = { kind: 'state', application, key } as const;
    proof.attestations.set(this.#outbox.options.self, this.#attest(subject));
    this.#outbox.broadcast({ kind: 'attest', subject });
    this.#outbox.ensureTimer(TIMER, this.#outbox.options.resendAfterMs);
    this.#check(name, proof);
  }

  #check(name: string, proof: Proof): void {
    const { application, key, value, attestations } = proof;
    if (attestations.size < oneCorrect(this.#outbox.options.resilience)) return;
    const sorted = [...attestations]
      .map(([replica, attestation]) => ({ replica, ...attestation }))
      .sort((a, b) => a.replica - b.replica);
    for (const replyId of this.#end(name, proof)) {
      const proved = { application, key, value, attestations: sorted };
      this.#outbox.output({ kind: 'proved', replyId, proof: proved });
    }
  }

  #giveUp(name: string, proof: Proof): void {
    const reason = 'too few others have the same value yet';
    for (const replyId of this.#end(name, proof)) this.#busy(replyId, reason);
  }

  #end(name: string, { waiting }: Proof): readonly SessionReplyId[] {
    this.#proofs.delete(name);
    this.#waiting -= waiting.length;
    if (this.#proofs.size === 0) this.#outbox.stopTimer(TIMER);
    return waiting;
  }

  #busy(replyId: SessionReplyId, reason: string): void {
    const { retryAfterMs } = heldLimits;
    this.#outbox.refuse(replyId, { code: 'busy', retryAfterMs, reason });
  }

  #attest(subject: AttestationStatement['subject']): Attestation {
    const position = this.#position();
    return this.#outbox.sign({
      kind: 'attestation',
      subject,
      value: this.#valueOf(subject),
      position,
    });
  }

  #valueOf(subject: AttestationStatement['subject']): Digest | null {
    if (subject.kind === 'session') {
      return digestOfStanding(this.#machine.table.standing(subject.session));
    }
    const value = this.#machine.settling.states.get(subject.application)?.get(subject.key);
    return value === undefined ? null : digestOfText(value);
  }
}
