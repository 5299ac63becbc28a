import type { Digest, ReplicaId } from '../../kernel/ids.js';
import { type Signed, signatureOf } from '../../kernel/signed.js';
import type { ClosingStatement, OutcomeValue, Slot } from '../messages.js';
import { digestOfEnlistments } from '../values.js';
import type { SlotState } from './slot.js';
import type { AgreementState } from './state.js';

/**
 * Which registrations a quorum has closed a transaction with (two steps). A backup that holds a registration which the
 * primary lacks must refuse a commit without it, as its participant may have begun its work. In three phases the primary
 * proposes again. But what others have voted for at a first attempt binds them, and only one of them may be right. So a
 * commit stands at a first attempt only where a quorum has closed the transaction with just its registrations: then no
 * other one was acknowledged by a quorum, and no replica refuses it.
 */
export class Closings {
  readonly #state: AgreementState;
  readonly #closedWith: (slot: Slot) => Digest | undefined;

  constructor(state: AgreementState, closedWith: (slot: Slot) => Digest | undefined) {
    this.#state = state;
    this.#closedWith = closedWith;
  }

  /** Tells the primary with what this replica has closed the transaction, if it has and nothing binds it. */
  show(slot: SlotState): void {
    const signed = this.#own(slot);
    if (!signed) return;
    if (this.#state.isPrimary) slot.closings.set(this.#state.self, signed);
    else this.#state.send(this.#state.primary, { kind: 'closing', signed });
  }

  onClosing(from: ReplicaId, slot: SlotState, signed: Signed<ClosingStatement>): void {
    if (signed.statement.view === this.#state.view) slot.closings.set(from, signed);
  }

  /** The commit as it may stand at a first attempt; undefined where too few have closed it so. */
  closed(slot: SlotState, value: OutcomeValue): OutcomeValue | undefined {
    const ids = value.records.map(({ registration }) => registration.statement.enlistment);
    const enlistments = digestOfEnlistments(ids);
    const alike = [...slot.closings].filter(
      ([, { statement }]) =>
        statement.view === this.#state.view && statement.enlistments === enlistments,
    );
    const [first] = alike;
    if (!first || alike.length < this.#state.quorum) return undefined;
    const { statement, bytes } = first[1];
    const signatures = alike
      .map(([replica, signed]) => signatureOf(replica, signed))
      .sort((a, b) => a.replica - b.replica);
    return { ...value, closing: { statement, bytes, signatures } };
  }

  #own(state: SlotState): Signed<ClosingStatement> | undefined {
    const { slot } = state;
    const enlistments = this.#closedWith(slot);
    if (slot.kind !== 'outcome' || enlistments === undefined) return undefined;
    if (!this.#state.mayWitness(state)) return undefined;
    const { view } = this.#state;
    return this.#state.sign({ kind: 'closing', tid: slot.tid, view, enlistments });
  }
}
