import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  completionTable,
  coordinatorTable,
  participantTable,
  type StateTable,
  stateTable,
  transition,
} from '../../src/transaction/state-tables.js';

/** The project's notes of the standard, where they lie beside the project. */
const notes = '../shared/standards/ws-at-state-tables.md';

type Table = StateTable<string, string, string>;

/** Where the data says otherwise than the printed table, on purpose: `event/state` and why. */
const deliberate: Readonly<Record<string, string>> = {
  // Note a: the prose names another fault for a refused Register than the table does.
  'coordinator: register/None': 'fault CannotRegisterParticipant / None',
  'coordinator: register/PreparedSuccess': 'fault CannotRegisterParticipant / PreparedSuccess',
  'coordinator: register/Committing': 'fault CannotRegisterParticipant / Committing',
  'coordinator: register/Aborting': 'fault CannotRegisterParticipant / Aborting',
  // Note a: a late Register is only refused, or one participant could abort everybody's work.
  'coordinator: register/Preparing':
    'volatile send RegisterResponse / Active; durable fault CannotRegisterParticipant / Preparing',
};

describe.skipIf(!existsSync(notes))('the state tables, cell by cell against the standard', () => {
  const text = existsSync(notes) ? readFileSync(notes, 'utf8') : '';
  compare('coordinator', coordinatorTable, [
    ...rowsOf(text, '### 8.1'),
    ...rowsOf(text, '### 8.2'),
  ]);
  compare('participant', participantTable, [
    ...rowsOf(text, '### 9.1'),
    ...rowsOf(text, '### 9.2'),
  ]);
  compare('completion', completionTable, rowsOf(text, '## 10.'));
});

function compare(name: string, table: Table, printed: readonly PrintedRow[]): void {
  it(`${name}: the same rows and columns in the same order`, () => {
    expect(printed.map((row) => row.event)).toEqual(Object.keys(table.rows));
    for (const row of printed) expect(row.states).toEqual(table.states);
  });
  for (const { event, states, cells } of printed) {
    it.each(states.map((state, column) => [state, cells[column] ?? '']))(
      `${name}: ${event} in %s`,
      (state, cell) => {
        const data = shown(table, event, state);
        const difference = deliberate[`${name}: ${event}/${state}`];
        const standard = normalised(cell, state, () => shown(table, 'commit', state));
        expect(data).toBe(difference ?? standard);
        if (difference !== undefined) expect(difference, 'no difference').not.toBe(standard);
      },
    );
  }
}

/** A cell of the data: what it does in each protocol, once if they agree. */
function shown(table: Table, event: string, state: string): string {
  const [volatile, durable] = (['volatile', 'durable'] as const).map((protocol) => {
    const cell = transition(table, state, event, protocol);
    if (cell === 'impossible') return 'N/A';
    return `${cell.actions.join(', ') || 'ignore'} / ${cell.next}`;
  });
  return volatile === durable ? String(durable) : `volatile ${volatile}; durable ${durable}`;
}

/** A cell of the standard in the words of the data. */
function normalised(cell: string, state: string, asCommit: () => string): string {
  const text = cell
    .replace(/ again| to \[.*?\]|\[.*?\]|\(.*?\)|, else ignore/g, '')
    .replace('participant becomes active', 'become active')
    .trim();
  if (text === '' || text === 'N/A') return 'N/A';
  if (text === 'As Commit' || text === 'as Commit') return asCommit();
  if (text.startsWith('*')) return halves(text);
  const [what = '', next = state] = text.split(' / ').map((part) => part.trim());
  const [target = state, ...further] = next.split(', ');
  const actions = [...what.split(/, | and /), ...further].map((action) => action.trim());
  return `${actions.join(', ').replace(/^none$/, 'ignore')} / ${target}`;
}

/** `*durable*: this; *volatile*: that`, in a fixed order. */
function halves(text: string): string {
  const parts = text.split('; ').map((part) => /^\*(\w+).*?\*: (.*)$/.exec(part));
  const half = (protocol: string) => parts.find((part) => part?.[1] === protocol)?.[2];
  return `volatile ${half('volatile')}; durable ${half('durable')}`;
}

interface PrintedRow {
  readonly event: string;
  readonly states: readonly string[];
  readonly cells: readonly string[];
}

/** The first table below a heading. */
function rowsOf(text: string, heading: string): PrintedRow[] {
  const section = text.slice(text.indexOf(`\n${heading}`) + 1);
  const lines = section.split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const end = lines.findIndex((line, at) => at > first && !line.startsWith('|'));
  const [head = [], , ...rows] = lines.slice(first, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const states = head
    .slice(1)
    .filter((title) => title !== 'evidence')
    .map((title) => (title === 'unknown registration' ? 'Unknown' : (title.split(' ')[0] ?? '')));
  return rows.map(([title = '', ...cells]) => ({
    event: eventNamed(title),
    states,
    cells: cells.slice(0, states.length),
  }));
}

function eventNamed(title: string): string {
  const words = title
    .replace(/\(.*\)/g, '')
    .replace('Expires times out', 'Expires')
    .replace('Comms time out', 'CommsTimeout')
    .replace('2PC aborted, or Expires', 'TwoPhaseAborted')
    .replace('2PC committed', 'TwoPhaseCommitted')
    .replace(/\*/g, '')
    .trim()
    .split(' ')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  return words.charAt(0).toLowerCase() + words.slice(1);
}

describe('reading a table', () => {
  const table = stateTable<'open' | 'shut'>()(['Off', 'On'], {
    push: ['open, shut / On', 'N/A'],
    pull: ['ignore / Off', { durable: 'open / On', volatile: 'shut / Off' }],
  });

  it('gives the actions in their order and the next state', () => {
    expect(transition(table, 'Off', 'push')).toEqual({ actions: ['open', 'shut'], next: 'On' });
    expect(transition(table, 'Off', 'pull')).toEqual({ actions: [], next: 'Off' });
    expect(transition(table, 'On', 'push')).toBe('impossible');
  });

  it('chooses the cell of the protocol', () => {
    expect(transition(table, 'On', 'pull', 'volatile')).toEqual({ actions: ['shut'], next: 'Off' });
    expect(transition(table, 'On', 'pull', 'durable')).toEqual({ actions: ['open'], next: 'On' });
  });

  it('does not compile with a misspelt action, state or a missing column', () => {
    // @ts-expect-error an action that is not listed
    stateTable<'open'>()(['Off'], { push: ['opne / Off'] });
    // @ts-expect-error a state that is not listed
    stateTable<'open'>()(['Off'], { push: ['open / On'] });
    // @ts-expect-error one column short
    stateTable<'open'>()(['Off', 'On'], { push: ['open / On'] });
    expect(() => transition(table, 'Gone' as 'On', 'push')).toThrow(RangeError);
  });
});
