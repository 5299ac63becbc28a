import type { ReplicaId } from '../../vocabulary/ids.js';
import type { RegistrationStatement, Signed, VoteStatement } from '../../vocabulary/statements.js';
import { transition } from './table.js';
import {
  type CoordinatorAction,
  type CoordinatorEvent,
  type CoordinatorState,
  coordinatorTable,
} from './tables.js';

/** One registered participant at one coordinator replica: the standard's machine, and its records. */
export class Enlistment {
  readonly registration: Signed<RegistrationStatement>;
  #state: CoordinatorState = 'Active';
  /** The first vote that came; the one that this replica would put into a certificate. */
  vote: Signed<VoteStatement> | undefined;
  /** On disk, and acknowledged to its participant. A relayed registration is neither. */
  admitted = false;
  /**
   * Whether a vote to commit counts here. It does not where another replica relays the registration of a participant
   * that owes too much, until `f + 1` have relayed it: so a correct one has taken it.
   */
  counts = true;
  /** Peers that have relayed it since it was known. */
  readonly relayedBy = new Set<ReplicaId>();
  /** Its participant signed votes that contradict each other. */
  contradicted = false;
  /** Committed may come here before the decision does. */
  acknowledged = false;
  /** Out of the transaction: nothing more is sent or expected. */
  forgotten = false;
  resends = 0;

  constructor(registration: Signed<RegistrationStatement>) {
    this.registration = registration;
  }

  get protocol(): RegistrationStatement['protocol'] {
    return this.registration.statement.protocol;
  }

  is(state: CoordinatorState): boolean {
    return this.#state === state;
  }

  /** Steps the machine; returns what the table says to do. */
  apply(event: CoordinatorEvent): readonly CoordinatorAction[] {
    if (this.forgotten) return [];
    const step = transition(coordinatorTable, this.#state, event, this.protocol);
    if (step === 'impossible') {
      throw new Error(`${event} cannot happen to an enlistment in state ${this.#state}`);
    }
    this.#state = step.next;
    if (step.actions.includes('forget')) this.forgotten = true;
    return step.actions;
  }
}
