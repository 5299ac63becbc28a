import type { TwoPhaseProtocol } from '../agreement/statements.js';

/** What a cell says to do: nothing, or up to three actions in their order. */
type Phrase<Action extends string> =
  | 'ignore'
  | 'none'
  | Action
  | `${Action}, ${Action}`
  | `${Action}, ${Action}, ${Action}`;

/** A cell as the standard prints it: what to do, and the next state. `N/A`: cannot happen. */
export type Cell<State extends string, Action extends string> =
  | 'N/A'
  | `${Phrase<Action>} / ${State}`;

/** A cell, or two of them where the standard distinguishes volatile from durable. */
export type TableEntry<State extends string, Action extends string> =
  | Cell<State, Action>
  | Readonly<Record<TwoPhaseProtocol, Cell<State, Action>>>;

/** One entry for each state, in the order of the states. */
type Row<States extends readonly string[], Action extends string> = {
  readonly [Column in keyof States]: TableEntry<States[number], Action>;
};

/** A state table of the standard: its columns, and its rows by event. */
export interface StateTable<State extends string, Event extends string, Action extends string> {
  readonly states: readonly State[];
  readonly rows: Readonly<Record<Event, readonly TableEntry<State, Action>[]>>;
}

/** A cell read: the actions in their order, and the next state. */
export interface Transition<State extends string, Action extends string> {
  readonly actions: readonly Action[];
  readonly next: State;
}

/** Makes a table of type-checked cells. Name the actions; the rest follows from the arguments. */
export function stateTable<Action extends string>() {
  return <const States extends readonly string[], Event extends string>(
    states: States,
    rows: Readonly<Record<Event, Row<States, Action>>>,
  ): StateTable<States[number], Event, Action> => ({ states, rows });
}

/**
 * What the table says of an event in a state; `impossible` for the cells marked N/A.
 *
 * `protocol` chooses where a cell differs: for a message, the participant's protocol; for Register,
 * the phase that the transaction is in.
 */
export function transition<State extends string, Event extends string, Action extends string>(
  table: StateTable<State, Event, Action>,
  state: State,
  event: Event,
  protocol: TwoPhaseProtocol = 'durable',
): Transition<State, Action> | 'impossible' {
  const entry = table.rows[event][table.states.indexOf(state)];
  if (entry === undefined) throw new RangeError(`no cell for ${event} in ${state}`);
  return readCell<State, Action>(typeof entry === 'string' ? entry : entry[protocol]);
}

/** A table has a few dozen cells, each read at its first use. */
const read = new Map<string, Transition<string, string> | 'impossible'>();

function readCell<State extends string, Action extends string>(
  cell: Cell<State, Action>,
): Transition<State, Action> | 'impossible' {
  const known = read.get(cell) ?? parse(cell);
  read.set(cell, known);
  return known as Transition<State, Action> | 'impossible';
}

function parse(cell: string): Transition<string, string> | 'impossible' {
  if (cell === 'N/A') return 'impossible';
  const [phrase = '', next = ''] = cell.split(' / ');
  const idle = phrase === 'ignore' || phrase === 'none';
  return { actions: idle ? [] : phrase.split(', '), next };
}

/**
 * The state tables of WS-AtomicTransaction 1.1 / 1.2 (section 10 of the standard, "State Tables"), row
 * by row and column by column. A cell reads "what to do / next state"; events are named after the rows.
 */

export type CoordinatorState = (typeof coordinatorTable.states)[number];
export type CoordinatorEvent = keyof typeof coordinatorTable.rows;

/** `forget`: the participant is out of the transaction; the state named is the transaction's. */
export type CoordinatorAction =
  | 'fault CannotRegisterParticipant'
  | 'fault InvalidState'
  | 'fault UnknownTransaction'
  | 'force the outcome record'
  | 'forget'
  | 'record the vote'
  | 'return Aborted'
  | 'return Committed'
  | 'send Commit'
  | 'send Prepare'
  | 'send RegisterResponse'
  | 'send Rollback';

/**
 * Two-phase commit, the coordinator's side: one machine for each registered participant. The state
 * `Aborting` always means that the whole transaction aborts.
 *
 * Chosen where the standard leaves freedom: a refused Register is answered by CannotRegisterParticipant,
 * as the standard's prose says and not by its table's InvalidState; a late one, in the durable phase,
 * is refused and does not abort the transaction.
 */
// biome-ignore format: a table
export const coordinatorTable = stateTable<CoordinatorAction>()(
  ['None', 'Active', 'Preparing', 'Prepared', 'PreparedSuccess', 'Committing', 'Aborting'],
  {
    // Messages
    register: [
      'fault CannotRegisterParticipant / None',
      'send RegisterResponse / Active',
      { volatile: 'send RegisterResponse / Active', durable: 'fault CannotRegisterParticipant / Preparing' },
      'N/A',
      'fault CannotRegisterParticipant / PreparedSuccess',
      'fault CannotRegisterParticipant / Committing',
      'fault CannotRegisterParticipant / Aborting',
    ],
    prepared: [
      { durable: 'send Rollback / None', volatile: 'fault UnknownTransaction / None' },
      'fault InvalidState / Aborting',
      'record the vote / Prepared',
      'ignore / Prepared',
      'ignore / PreparedSuccess',
      'send Commit / Committing',
      'send Rollback, forget / Aborting',
    ],
    readOnly: [
      'ignore / None',
      'forget / Active',
      'forget / Preparing',
      'fault InvalidState / Prepared',
      'fault InvalidState / PreparedSuccess',
      'fault InvalidState / Committing',
      'forget / Aborting',
    ],
    aborted: [
      'ignore / None',
      'forget / Aborting',
      'forget / Aborting',
      'fault InvalidState / Prepared',
      'fault InvalidState / PreparedSuccess',
      'fault InvalidState / Committing',
      'forget / Aborting',
    ],
    committed: [
      'ignore / None',
      'fault InvalidState / Aborting',
      'fault InvalidState / Aborting',
      'fault InvalidState / Prepared',
      'fault InvalidState / PreparedSuccess',
      'forget / Committing',
      'fault InvalidState / Aborting',
    ],
    // Internal events
    userCommit: [
      'return Aborted / None',
      'send Prepare / Preparing',
      'ignore / Preparing',
      'ignore / Prepared',
      'ignore / PreparedSuccess',
      'return Committed / Committing',
      'return Aborted / Aborting',
    ],
    userRollback: [
      'return Aborted / None',
      'send Rollback / Aborting',
      'send Rollback / Aborting',
      'send Rollback / Aborting',
      'ignore / PreparedSuccess',
      'return Committed / Committing',
      'return Aborted / Aborting',
    ],
    expires: [
      'N/A',
      'send Rollback / Aborting',
      'send Rollback / Aborting',
      'send Rollback / Aborting',
      'ignore / PreparedSuccess',
      'ignore / Committing',
      'ignore / Aborting',
    ],
    commsTimeout: ['N/A', 'N/A', 'send Prepare / Preparing', 'N/A', 'N/A', 'send Commit / Committing', 'N/A'],
    commitDecision: ['N/A', 'N/A', 'N/A', 'force the outcome record / PreparedSuccess', 'N/A', 'N/A', 'N/A'],
    rollbackDecision: [
      'N/A',
      'send Rollback / Aborting',
      'send Rollback / Aborting',
      'send Rollback / Aborting',
      'N/A',
      'N/A',
      'N/A',
    ],
    writeDone: ['N/A', 'N/A', 'N/A', 'N/A', 'send Commit / Committing', 'N/A', 'N/A'],
    writeFailed: ['N/A', 'N/A', 'N/A', 'N/A', 'send Rollback / Aborting', 'N/A', 'N/A'],
    allForgotten: ['N/A', 'none / None', 'none / None', 'N/A', 'N/A', 'none / None', 'none / None'],
  },
);

export type ParticipantState = (typeof participantTable.states)[number];
export type ParticipantEvent = keyof typeof participantTable.rows;

export type ParticipantAction =
  | 'become active'
  | 'fault InconsistentInternalState'
  | 'fault InvalidState'
  | 'force the prepare record'
  | 'forget'
  | 'roll back'
  | 'send Aborted'
  | 'send Committed'
  | 'send Prepared'
  | 'send ReadOnly'
  | 'start the commit'
  | 'work out the vote';

/** Two-phase commit, the participant's side: one machine for each enlistment. */
// biome-ignore format: a table
export const participantTable = stateTable<ParticipantAction>()(
  ['None', 'Active', 'Preparing', 'Prepared', 'PreparedSuccess', 'Committing'],
  {
    // Messages
    registerResponse: [
      'become active / Active',
      'fault InvalidState / Active',
      'fault InvalidState / Preparing',
      'fault InvalidState / Prepared',
      'fault InvalidState / PreparedSuccess',
      'fault InvalidState / Committing',
    ],
    prepare: [
      'send Aborted / None',
      'work out the vote / Preparing',
      'ignore / Preparing',
      'ignore / Prepared',
      'send Prepared / PreparedSuccess',
      'ignore / Committing',
    ],
    commit: [
      'send Committed / None',
      'fault InvalidState, roll back / None',
      'fault InvalidState, roll back / None',
      'fault InvalidState, roll back / None',
      'start the commit / Committing',
      'ignore / Committing',
    ],
    rollback: [
      'send Aborted / None',
      'roll back, send Aborted, forget / None',
      'roll back, send Aborted, forget / None',
      'roll back, send Aborted, forget / None',
      'roll back, send Aborted, forget / None',
      'fault InconsistentInternalState / Committing',
    ],
    // Internal events
    expires: [
      'N/A',
      'roll back, send Aborted, forget / None',
      'roll back, send Aborted, forget / None',
      'roll back, send Aborted, forget / None',
      'ignore / PreparedSuccess',
      'ignore / Committing',
    ],
    commsTimeout: ['N/A', 'N/A', 'N/A', 'N/A', 'send Prepared / PreparedSuccess', 'N/A'],
    commitDecision: ['N/A', 'N/A', 'force the prepare record / Prepared', 'N/A', 'N/A', 'send Committed, forget / None'],
    rollbackDecision: ['N/A', 'send Aborted, forget / None', 'send Aborted, forget / None', 'N/A', 'N/A', 'N/A'],
    readOnlyDecision: ['N/A', 'send ReadOnly, forget / None', 'send ReadOnly, forget / None', 'N/A', 'N/A', 'N/A'],
    writeDone: ['N/A', 'N/A', 'N/A', 'send Prepared / PreparedSuccess', 'N/A', 'N/A'],
    writeFailed: ['N/A', 'N/A', 'N/A', 'roll back, send Aborted, forget / None', 'N/A', 'N/A'],
  },
);

export type CompletionState = (typeof completionTable.states)[number];
export type CompletionEvent = keyof typeof completionTable.rows;

export type CompletionAction =
  | 'abort'
  | 'abort if undecided'
  | 'fault InvalidState'
  | 'fault UnknownTransaction'
  | 'send Aborted'
  | 'send Committed'
  | 'start 2PC';

/**
 * Completion, the coordinator's side. The standard prints a diagram; this table follows from its rows
 * User commit and User rollback. `Unknown`: no such registration.
 */
// biome-ignore format: a table
export const completionTable = stateTable<CompletionAction>()(
  ['Unknown', 'Active', 'Completing', 'Committed', 'Aborted'],
  {
    commit: [
      'fault UnknownTransaction / Unknown',
      'start 2PC / Completing',
      'ignore / Completing',
      'send Committed / Committed',
      'send Aborted / Aborted',
    ],
    rollback: [
      'fault UnknownTransaction / Unknown',
      'abort, send Aborted / Aborted',
      'abort if undecided / Completing',
      'fault InvalidState / Committed',
      'send Aborted / Aborted',
    ],
    twoPhaseCommitted: ['N/A', 'N/A', 'send Committed / Committed', 'N/A', 'N/A'],
    twoPhaseAborted: ['N/A', 'send Aborted / Aborted', 'send Aborted / Aborted', 'N/A', 'N/A'],
  },
);
