import type { TwoPhaseProtocol } from '../../vocabulary/statements.js';

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

/** A cell, or two of them where the standard tells volatile from durable. */
export type Entry<State extends string, Action extends string> =
  | Cell<State, Action>
  | Readonly<Record<TwoPhaseProtocol, Cell<State, Action>>>;

/** One entry for each state, in the order of the states. */
type Row<States extends readonly string[], Action extends string> = {
  readonly [Column in keyof States]: Entry<States[number], Action>;
};

/** A state table of the standard: its columns, and its rows by event. */
export interface StateTable<State extends string, Event extends string, Action extends string> {
  readonly states: readonly State[];
  readonly rows: Readonly<Record<Event, readonly Entry<State, Action>[]>>;
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
