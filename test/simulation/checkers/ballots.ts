import { type PhaseStatement, type SlotKey, slotKey } from '../../../src/agreement/messages.js';
import { fastPrepares } from '../../../src/agreement/two-step.js';
import type { AgreementName } from '../../../src/kernel/cluster.js';
import { type Digest, quorum, type ReplicaId, type Resilience } from '../../../src/kernel/ids.js';
import { coordinatorAddress } from '../kit/cast.js';
import type { Violation } from '../kit/violation.js';
import type { DecisionFact } from './facts.js';

export interface BallotsOptions {
  readonly resilience: Resilience;
  readonly agreement: AgreementName;
  readonly nowMs: () => number;
  readonly isCorrect: (address: string) => boolean;
}

const CONTRADICTIONS_MAX = 20;

/** What the coordinators signed in the three phases: who contradicts itself, and what is decided. */
export class Ballots {
  readonly decisions = new Map<SlotKey, DecisionFact[]>();
  readonly firstVoteMs = new Map<Digest, number>();
  readonly contradictions: Violation[] = [];
  readonly #options: BallotsOptions;
  readonly #said = new Map<string, string>();
  readonly #deciders = new Map<string, Set<ReplicaId>>();

  constructor(options: BallotsOptions) {
    this.#options = options;
  }

  /** A replica signed this. A correct one never signs two different ones of a phase and ballot. */
  signed(replica: ReplicaId, statement: PhaseStatement): void {
    const { phase, slot, ballot, digest, result } = statement;
    const about = `${slotKey(slot)} ${ballot.view}.${ballot.attempt}`;
    const what = `${digest} ${JSON.stringify(result)}`;
    if (this.#options.isCorrect(coordinatorAddress(replica))) {
      if (!this.firstVoteMs.has(digest)) this.firstVoteMs.set(digest, this.#options.nowMs());
      this.#compare(`${coordinatorAddress(replica)} ${phase} ${about}`, what);
    }
    const enough = this.#enough(statement);
    if (enough === undefined) return;
    const key = `${phase} ${about} ${what}`;
    const deciders = (this.#deciders.get(key) ?? new Set()).add(replica);
    this.#deciders.set(key, deciders);
    if (deciders.size >= enough) this.#decided(statement);
  }

  /** So many that say this decide; undefined where they do not, however many. */
  #enough({ phase, ballot }: PhaseStatement): number | undefined {
    const { resilience, agreement } = this.#options;
    if (phase === 'commit') return quorum(resilience);
    const isFast = agreement === 'two-step' && phase === 'prepare' && ballot.attempt === 0;
    return isFast ? fastPrepares(resilience) : undefined;
  }

  /**
   * A vote for an activation may have been lost together with all that knew of it, so the replica may
   * vote for another one at that ballot. In an outcome it never may.
   */
  lostDisk(address: string): void {
    for (const where of [...this.#said.keys()]) {
      if (where.startsWith(`${address} `) && where.includes(' a:')) this.#said.delete(where);
    }
  }

  #compare(where: string, what: string): void {
    const before = this.#said.get(where);
    this.#said.set(where, what);
    if (before === undefined || before === what) return;
    if (this.contradictions.length >= CONTRADICTIONS_MAX) return;
    this.contradictions.push({
      checker: 'no-contradiction',
      what: `${where}: signed ${before} and ${what}`,
    });
  }

  #decided({ slot, ballot, digest, result }: PhaseStatement): void {
    const key = slotKey(slot);
    const known = this.decisions.get(key) ?? [];
    const isKnown = known.some(
      (one) => one.digest === digest && JSON.stringify(one.result) === JSON.stringify(result),
    );
    if (isKnown) return;
    known.push({ slot: key, ballot, digest, result, atMs: this.#options.nowMs() });
    this.decisions.set(key, known);
  }
}
