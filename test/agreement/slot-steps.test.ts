import { describe, expect, it } from 'vitest';
import { SlotState } from '../../src/agreement/core/slot.js';
import {
  firstSteps,
  type Gathering,
  gatheringTable,
  type SlotEvent,
  type SlotSteps,
  type SlotTable,
  type Step,
  stepsAfter,
  stepTable,
  type Unaccepted,
  type Update,
  unacceptedTable,
} from '../../src/agreement/core/slot-steps.js';
import type { Proposal } from '../../src/agreement/messages.js';
import { digestOfSigned } from '../../src/agreement/signing.js';
import { replicaId } from '../../src/kernel/ids.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { ballot } from './scene.js';

const evidence = new Evidence(testCluster());
const value = evidence.activationValue();
const { requests } = value;
const [known, another] = [proposalAt(0), proposalAt(1)];
const [chosen, chosenAgain] = [updateTo(0), updateTo(1)];
const [early, late] = [evidence.proposal(1), evidence.proposal(2)];
const otherRequests = [evidence.request(0, { timestamp: 2_000 })];
const proposals = new Map([[replicaId(1), early]]);
const both = new Map([...proposals, [replicaId(2), late] as const]);

function proposalAt(attempt: number): Proposal {
  return { prePrepare: evidence.prePrepare(value, ballot(0, attempt)), value };
}

function updateTo(attempt: number): Update {
  const { prePrepare } = proposalAt(attempt);
  const digests = [{ replica: replicaId(1), digest: digestOfSigned(evidence.proposal(1)) }];
  return { kind: 'pre-prepare-update', prePrepare, chosen: digests };
}

/** Each event, bringing something else than the samples below have. */
const events: { readonly [Kind in SlotEvent['kind']]: Extract<SlotEvent, { kind: Kind }> } = {
  accept: { kind: 'accept', proposal: another },
  commit: { kind: 'commit' },
  hold: { kind: 'hold', proposal: another },
  release: { kind: 'release' },
  answer: { kind: 'answer', answer: 'to another' },
  requests: { kind: 'requests', requests: otherRequests },
  uuid: { kind: 'uuid', proposal: late },
  update: { kind: 'update', update: chosenAgain },
  assemble: { kind: 'assemble' },
  'enter-view': { kind: 'enter-view' },
};

type Samples<Part extends { readonly kind: string }> = {
  readonly [Kind in Part['kind']]: Extract<Part, { kind: Kind }>;
};

const steps: Samples<Step> = {
  idle: { kind: 'idle' },
  'pre-prepared': { kind: 'pre-prepared', accepted: known },
  prepared: { kind: 'prepared', accepted: known },
  'earlier-view': { kind: 'earlier-view', accepted: known },
};

const unaccepted: Samples<Unaccepted> = {
  none: { kind: 'none' },
  held: { kind: 'held', proposal: known },
  answered: { kind: 'answered', answer: 'to the known' },
  'held-answered': { kind: 'held-answered', proposal: known, answer: 'to the known' },
};

const gatherings: Samples<Gathering> = {
  unasked: { kind: 'unasked', proposals },
  gathering: { kind: 'gathering', proposals, requests },
  'update-first': { kind: 'update-first', proposals, update: chosen },
  updated: { kind: 'updated', proposals, requests, update: chosen },
};

/** Every event in every kind of a part: what the slot is then, or `N/A`. */
const afterwards: Readonly<
  Record<keyof SlotSteps, readonly (readonly [string, string, object])[]>
> = {
  step: [
    ['accept', 'idle', { kind: 'pre-prepared', accepted: another }],
    ['accept', 'pre-prepared', { kind: 'pre-prepared', accepted: another }],
    ['accept', 'prepared', { kind: 'pre-prepared', accepted: another }],
    ['accept', 'earlier-view', { kind: 'pre-prepared', accepted: another }],
    ['commit', 'pre-prepared', { kind: 'prepared', accepted: known }],
    ['enter-view', 'idle', { kind: 'idle' }],
    ['enter-view', 'pre-prepared', { kind: 'earlier-view', accepted: known }],
    ['enter-view', 'prepared', { kind: 'earlier-view', accepted: known }],
    ['enter-view', 'earlier-view', { kind: 'earlier-view', accepted: known }],
  ],
  unaccepted: [
    ['hold', 'none', { kind: 'held', proposal: another }],
    ['hold', 'held', { kind: 'held', proposal: another }],
    ['hold', 'answered', { ...unaccepted['held-answered'], proposal: another }],
    ['hold', 'held-answered', { ...unaccepted['held-answered'], proposal: another }],
    ['release', 'held', { kind: 'none' }],
    ['release', 'held-answered', { kind: 'answered', answer: 'to the known' }],
    ['answer', 'none', { kind: 'answered', answer: 'to another' }],
    ['answer', 'held', { ...unaccepted['held-answered'], answer: 'to another' }],
    ['answer', 'answered', { kind: 'answered', answer: 'to another' }],
    ['answer', 'held-answered', { ...unaccepted['held-answered'], answer: 'to another' }],
    ['enter-view', 'none', { kind: 'none' }],
    ['enter-view', 'held', { kind: 'none' }],
    ['enter-view', 'answered', { kind: 'none' }],
    ['enter-view', 'held-answered', { kind: 'none' }],
  ],
  gathering: [
    ['requests', 'unasked', { ...gatherings.gathering, requests: otherRequests }],
    ['requests', 'gathering', { ...gatherings.gathering, requests: otherRequests }],
    ['requests', 'update-first', { ...gatherings.updated, requests: otherRequests }],
    ['requests', 'updated', { ...gatherings.updated, requests: otherRequests }],
    ['uuid', 'unasked', { ...gatherings.unasked, proposals: both }],
    ['uuid', 'gathering', { ...gatherings.gathering, proposals: both }],
    ['uuid', 'update-first', { ...gatherings['update-first'], proposals: both }],
    ['uuid', 'updated', { ...gatherings.updated, proposals: both }],
    ['update', 'unasked', { ...gatherings['update-first'], update: chosenAgain }],
    ['update', 'gathering', { ...gatherings.updated, update: chosenAgain }],
    ['update', 'update-first', { ...gatherings['update-first'], update: chosenAgain }],
    ['update', 'updated', { ...gatherings.updated, update: chosenAgain }],
    ['assemble', 'updated', gatherings.gathering],
    ['enter-view', 'unasked', { kind: 'unasked', proposals: new Map() }],
    ['enter-view', 'gathering', { ...gatherings.gathering, proposals: new Map() }],
    ['enter-view', 'update-first', { kind: 'unasked', proposals: new Map() }],
    ['enter-view', 'updated', { ...gatherings.gathering, proposals: new Map() }],
  ],
};

examine('step', stepTable, steps);
examine('unaccepted', unacceptedTable, unaccepted);
examine('gathering', gatheringTable, gatherings);

/** Steps every row of the table in every column. */
function examine<Part extends keyof SlotSteps, Kind extends string>(
  part: Part,
  table: SlotTable<Kind, SlotEvent['kind']> | SlotTable<Kind, never>,
  samples: Readonly<Record<Kind, SlotSteps[Part]>>,
): void {
  const rows = Object.keys(table.rows) as (keyof typeof events)[];
  describe(`the table of ${part}`, () => {
    const pairs = rows.flatMap((event) => table.kinds.map((kind) => [event, kind] as const));
    it.each(pairs)('%s in %s', (event, kind) => {
      const before: SlotSteps = { ...firstSteps, [part]: samples[kind] };
      const expected = afterwards[part].find(([on, from]) => on === event && from === kind)?.[2];
      if (!expected) {
        expect(() => stepsAfter(before, events[event])).toThrow(`no ${event} comes to a slot`);
        return;
      }
      const after = stepsAfter(before, events[event]);
      expect(after).toEqual({ ...firstSteps, [part]: expected });
      expect(before[part]).toBe(samples[kind]);
    });

    it('has a column for each kind, and a row for each event that is expected', () => {
      expect([...table.kinds].sort()).toEqual(Object.keys(samples).sort());
      expect(rows).toEqual([...new Set(afterwards[part].map(([event]) => event))]);
    });
  });
}

it('every event has its row', () => {
  const rows = [stepTable, unacceptedTable, gatheringTable].flatMap((table) =>
    Object.keys(table.rows),
  );
  expect([...new Set(rows)].sort()).toEqual(Object.keys(events).sort());
});

describe('a slot', () => {
  const { slot } = known.prePrepare.statement;
  const opened = () =>
    new SlotState(slot, { vote: undefined, lock: undefined, bond: undefined, early: undefined });

  it('holds a proposal beside the one that it has accepted', () => {
    const state = opened();
    state.apply({ kind: 'accept', proposal: known });
    state.apply({ kind: 'hold', proposal: another });
    state.apply({ kind: 'commit' });
    expect(state.accepted).toBe(known);
    expect(state.held).toBe(another);
  });

  it('keeps the proposal of an earlier view, and its requests, but nothing that was held', () => {
    const state = opened();
    state.apply({ kind: 'accept', proposal: known });
    state.apply({ kind: 'hold', proposal: another });
    state.apply({ kind: 'answer', answer: 'to another' });
    state.apply({ kind: 'enter-view' });
    expect(state.accepted).toBe(known);
    expect(state.acceptedInView).toBeUndefined();
    expect(state.requests).toBe(requests);
    expect([state.held, state.answered]).toEqual([undefined, undefined]);
    expect(() => state.apply({ kind: 'commit' })).toThrow('invariant');
  });

  it('carries gathered requests to the next view, and no UUIDs', () => {
    const state = opened();
    state.apply({ kind: 'requests', requests });
    state.apply({ kind: 'uuid', proposal: early });
    state.apply({ kind: 'enter-view' });
    expect(state.requests).toBe(requests);
    expect(state.gathering.proposals.size).toBe(0);
  });

  it('takes the first UUID of a replica', () => {
    const state = opened();
    const second = evidence.proposal(1, { uuid: '9'.repeat(32) });
    state.apply({ kind: 'uuid', proposal: early });
    state.apply({ kind: 'uuid', proposal: second });
    expect([...state.gathering.proposals.values()]).toEqual([early]);
  });

  it('is idle after a restart, whatever it is bound to', () => {
    const lock = evidence.prepared(value, ballot(0, 0));
    const { ballot: at, digest } = lock.prePrepare.statement;
    const state = new SlotState(slot, {
      ...{ vote: { ballot: at, digest }, lock },
      ...{ bond: undefined, early: undefined },
    });
    expect(state.step).toEqual({ kind: 'idle' });
    expect(state.accepted).toBeUndefined();
    expect(() => state.apply({ kind: 'commit' })).toThrow('invariant');
  });
});
