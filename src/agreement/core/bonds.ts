import { primaryOf, type ReplicaId } from '../../kernel/ids.js';
import type { PhaseStatement, Proposal } from '../messages.js';
import { silentBorne } from '../two-step.js';
import type { Bonded, SlotState } from './slot.js';
import type { AgreementState } from './state.js';

/**
 * What binds replicas by their votes at first attempts, and how it ends (two steps; `Agreement` has the rules). A replica
 * that is bound says so in each later view: the primary proposes that value again. Where the primary of a view has signed
 * two values for its first attempt, replicas may be bound to both. Then each of the others says by what it is bound, if by
 * anything, and enough of them who are not bound to a value release those that are.
 *
 * Why that is safe: it lies, so it counts for nothing, and of `f + t` others at most `f - 1` lie. So `t + 1` correct ones
 * have not voted for the value and, as they are in a later view, will not. To decide it takes all correct ones but `t`.
 */
export class Bonds {
  readonly #state: AgreementState;

  constructor(state: AgreementState) {
    this.#state = state;
  }

  /** To all, once in a delay: what this replica voted for at the first attempt of an earlier view. */
  show(slot: SlotState): void {
    const { bond } = slot;
    if (bond && bond.prePrepare.statement.ballot.view < this.#state.view) this.#say(slot, bond);
  }

  /** Returns whether it was news. */
  onBonded(from: ReplicaId, slot: SlotState, bonded: Bonded): boolean {
    const known = slot.bonds.get(from);
    if (known && known.view > bonded.view) return false;
    slot.bonds.set(from, bonded);
    if (contradictory(slot).length > 0) this.#answer(slot);
    this.#releaseIfExcluded(slot);
    return known?.proposal?.prePrepare.statement.digest !== digestOf(bonded.proposal);
  }

  /** What the primary has to propose again: what is locked or bound at the highest ballot, and by the most. */
  standing(slot: SlotState): Proposal | undefined {
    const shown = [...slot.bonds.values()].flatMap(({ proposal }) => proposal ?? []);
    const bonds = slot.bond ? [slot.bond, ...shown] : shown;
    const view = Math.max(...bonds.map(({ prePrepare }) => prePrepare.statement.ballot.view));
    const { lock } = slot;
    if (lock && lock.prePrepare.statement.ballot.view >= view) return lock;
    const top = bonds.filter(({ prePrepare }) => prePrepare.statement.ballot.view === view);
    const own = top.find((bond) => bond === slot.bond);
    return own ?? mostOften(top);
  }

  /** One that is bound shows it; one that is free, and knows all that it has said, says so. */
  #answer(slot: SlotState): void {
    if (slot.bond) return this.show(slot);
    if (this.#state.mayWitness(slot)) this.#say(slot, null);
  }

  #say({ slot, key }: SlotState, proposal: Proposal | null): void {
    const { view } = this.#state;
    if (!this.#state.pace.allows(`bonded/${view}/${key}`)) return;
    this.#state.broadcast({ kind: 'bonded', slot, view, proposal });
  }

  #releaseIfExcluded(slot: SlotState): void {
    const bound = slot.bond?.prePrepare.statement;
    if (!bound || !contradictory(slot).includes(bound.ballot.view)) return;
    const { resilience } = this.#state.options;
    const liar = primaryOf(resilience, bound.ballot.view);
    const others = [...slot.bonds].filter(
      ([replica, { view, proposal }]) =>
        replica !== liar && view > bound.ballot.view && digestOf(proposal) !== bound.digest,
    );
    if (others.length < resilience.f + silentBorne(resilience)) return;
    this.#state.log('warn', 'released', { slot: slot.key, ballot: bound.ballot });
    this.#state.rules.release(slot.key);
  }
}

/** Views whose primary has signed two values for its first attempt. */
function contradictory({ bond, bonds }: SlotState): number[] {
  const own = bond ? [bond] : [];
  const shown = [...bonds.values()].flatMap(({ proposal }) => proposal ?? []);
  const signed = [...own, ...shown].map(({ prePrepare }) => prePrepare.statement);
  return signed
    .filter((one) => signed.some((other) => contradict(one, other)))
    .map(({ ballot }) => ballot.view);
}

function contradict(one: PhaseStatement, other: PhaseStatement): boolean {
  return one.ballot.view === other.ballot.view && one.digest !== other.digest;
}

function digestOf(proposal: Proposal | null): string | undefined {
  return proposal?.prePrepare.statement.digest;
}

function mostOften(proposals: readonly Proposal[]): Proposal | undefined {
  const count = (one: Proposal) =>
    proposals.filter((other) => digestOf(other) === digestOf(one)).length;
  return [...proposals].sort((a, b) => count(b) - count(a))[0];
}
