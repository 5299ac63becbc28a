import { invariant } from '../../kernel/core.js';
import { type ReplicaId, unreachable } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type { PeerMessage, Proposal, UuidProposal } from '../messages.js';
import type { ActivationStatement } from '../statements.js';

export type Update = Extract<PeerMessage, { kind: 'pre-prepare-update' }>;

type Requests = readonly Signed<ActivationStatement>[];

/** The first of each replica. */
type Uuids = ReadonlyMap<ReplicaId, Signed<UuidProposal>>;

/**
 * Where an undecided slot stands in this replica. Three parts, as each goes its own way: a backup may hold one
 * proposal while it has accepted another, and UUIDs are gathered beside both. A slot ends when it is decided.
 *
 * Votes and locks are not in here: `SafetyRules` has them, and they outlive a restart.
 */
export interface SlotSteps {
  readonly step: Step;
  readonly unaccepted: Unaccepted;
  readonly gathering: Gathering;
}

/** How far a slot has got in the three phases (Castro and Liskov §4.2; Zhao §4.1 and §4.3). */
export type Step =
  /**
   * This replica has accepted no ba-pre-prepare since it started. A vote or a lock from before may stand in
   * `SafetyRules`, and a lock of another replica too.
   */
  | { readonly kind: 'idle' }
  /**
   * The ba-prepare phase of this view. A backup has accepted the ba-pre-prepare (in §4.1 with its
   * ba-pre-prepare-update) and sent its ba-prepare; the primary has sent the ba-pre-prepare. It waits for a quorum
   * to agree with that.
   */
  | { readonly kind: 'pre-prepared'; readonly accepted: Proposal }
  /**
   * The ba-commit phase of this view. The predicate `prepared` of Castro and Liskov §4.2 holds for the proposal: the
   * pre-prepare and the matching prepares are here, and are the lock. This replica has sent its ba-commit. It waits
   * for a quorum of them, which decides.
   */
  | { readonly kind: 'prepared'; readonly accepted: Proposal }
  /**
   * The view in which this replica accepted the proposal has ended, and it has accepted none since (Castro and
   * Liskov §4.4). The proposal gives the requests to the next primary, and the value if late commits decide it.
   */
  | { readonly kind: 'earlier-view'; readonly accepted: Proposal };

/** What a backup has not accepted of this view, as it lacks what Zhao §4.3 has it verify before it accepts. */
export type Unaccepted =
  | { readonly kind: 'none' }
  /** A proposal that cannot be judged yet, or that this replica must not vote for: others may decide it. */
  | { readonly kind: 'held'; readonly proposal: Proposal }
  /** The primary has been sent what it lacked in a proposal. `answer` names the last such. */
  | { readonly kind: 'answered'; readonly answer: string }
  /** Both. The proposal that was answered may be another than the one that is held. */
  | { readonly kind: 'held-answered'; readonly proposal: Proposal; readonly answer: string };

/** The UUID proposals of an activation in this view (Zhao §4.1). In the slot of an outcome nothing is gathered. */
export type Gathering =
  /** No ba-pre-prepare has come, in whatever view; ba-pre-prepare-replies may be faster. */
  | { readonly kind: 'unasked'; readonly proposals: Uuids }
  /** The ba-pre-prepare of this view or an earlier one is here; its ba-pre-prepare-update is not, or is done with. */
  | { readonly kind: 'gathering'; readonly proposals: Uuids; readonly requests: Requests }
  /** The ba-pre-prepare-update came before the ba-pre-prepare. */
  | { readonly kind: 'update-first'; readonly proposals: Uuids; readonly update: Update }
  /** The ba-pre-prepare-update names ba-pre-prepare-replies that are not all here: this replica asks for the value. */
  | {
      readonly kind: 'updated';
      readonly proposals: Uuids;
      readonly requests: Requests;
      readonly update: Update;
    };

type StepEvent =
  /** The primary has signed its ba-pre-prepare, or a backup its ba-prepare (Castro and Liskov §4.2; Zhao §4.1). */
  | { readonly kind: 'accept'; readonly proposal: Proposal }
  /** Its ba-commit is signed, as a quorum has prepared (Castro and Liskov §4.2; Zhao §4.1). */
  | { readonly kind: 'commit' };

type UnacceptedEvent =
  /** A proposal has to wait. */
  | { readonly kind: 'hold'; readonly proposal: Proposal }
  /** The held proposal is judged now, or one that is not below it. */
  | { readonly kind: 'release' }
  /** The primary is sent what it lacks. */
  | { readonly kind: 'answer'; readonly answer: string };

type GatheringEvent =
  /** The requests of a ba-pre-prepare (Zhao §4.1). */
  | { readonly kind: 'requests'; readonly requests: Requests }
  /** A replica's UUID: the primary's in its ba-pre-prepare, a backup's in its ba-pre-prepare-reply. */
  | { readonly kind: 'uuid'; readonly proposal: Signed<UuidProposal> }
  /** The primary has chosen: ba-pre-prepare-update. */
  | { readonly kind: 'update'; readonly update: Update }
  /** All that the update names is here: it is a proposal from now on, or false. */
  | { readonly kind: 'assemble' };

/** This replica is in another view (Castro and Liskov §4.4). It concerns all three parts. */
interface ViewEvent {
  readonly kind: 'enter-view';
}

export type SlotEvent = StepEvent | UnacceptedEvent | GatheringEvent | ViewEvent;

/** One column for each kind of a part, one row for each event; a cell is the next kind. `N/A`: cannot happen. */
export interface SlotTable<Kind extends string, Event extends string> {
  readonly kinds: readonly Kind[];
  readonly rows: Readonly<Record<Event, readonly (Kind | 'N/A')[]>>;
}

/** Makes a table that has a row for each event of a part, and in each row a cell for each kind. */
function tableOf<
  Part extends { readonly kind: string },
  Event extends { readonly kind: string },
>() {
  return <const Kinds extends readonly Part['kind'][]>(
    kinds: Kinds & ([Part['kind']] extends [Kinds[number]] ? unknown : 'a kind is missing'),
    rows: Readonly<
      Record<Event['kind'], { readonly [Column in keyof Kinds]: Part['kind'] | 'N/A' }>
    >,
  ): SlotTable<Part['kind'], Event['kind']> => ({ kinds, rows });
}

// biome-ignore format: a table
export const stepTable = tableOf<Step, StepEvent | ViewEvent>()(
                ['idle',         'pre-prepared', 'prepared',     'earlier-view'], {
  accept:       ['pre-prepared', 'pre-prepared', 'pre-prepared', 'pre-prepared'],
  commit:       ['N/A',          'prepared',     'N/A',          'N/A'],
  'enter-view': ['idle',         'earlier-view', 'earlier-view', 'earlier-view'],
});

// biome-ignore format: a table
export const unacceptedTable = tableOf<Unaccepted, UnacceptedEvent | ViewEvent>()(
                ['none',     'held',          'answered',      'held-answered'], {
  hold:         ['held',     'held',          'held-answered', 'held-answered'],
  release:      ['N/A',      'none',          'N/A',           'answered'],
  answer:       ['answered', 'held-answered', 'answered',      'held-answered'],
  'enter-view': ['none',     'none',          'none',          'none'],
});

// biome-ignore format: a table
export const gatheringTable = tableOf<Gathering, GatheringEvent | ViewEvent>()(
                ['unasked',      'gathering', 'update-first', 'updated'], {
  requests:     ['gathering',    'gathering', 'updated',      'updated'],
  uuid:         ['unasked',      'gathering', 'update-first', 'updated'],
  update:       ['update-first', 'updated',   'update-first', 'updated'],
  assemble:     ['N/A',          'N/A',       'N/A',          'gathering'],
  'enter-view': ['unasked',      'gathering', 'unasked',      'gathering'],
});

/** A slot of which this replica knows nothing, or nothing but what stands in `SafetyRules`. */
export const firstSteps: SlotSteps = {
  step: { kind: 'idle' },
  unaccepted: { kind: 'none' },
  gathering: { kind: 'unasked', proposals: new Map() },
};

/** Where the slot stands after the event. An event that cannot happen there stops the replica. */
export function stepsAfter(steps: SlotSteps, event: SlotEvent): SlotSteps {
  switch (event.kind) {
    case 'accept':
    case 'commit':
      return { ...steps, step: stepAfter(steps.step, event) };
    case 'hold':
    case 'release':
    case 'answer':
      return { ...steps, unaccepted: unacceptedAfter(steps.unaccepted, event) };
    case 'requests':
    case 'uuid':
    case 'update':
    case 'assemble':
      return { ...steps, gathering: gatheringAfter(steps.gathering, event) };
    case 'enter-view':
      return {
        step: stepAfter(steps.step, event),
        unaccepted: unacceptedAfter(steps.unaccepted, event),
        gathering: gatheringAfter(steps.gathering, event),
      };
    default:
      return unreachable(event);
  }
}

function stepAfter(step: Step, event: StepEvent | ViewEvent): Step {
  const kind = next(stepTable, step.kind, event.kind);
  const accepted = event.kind === 'accept' ? event.proposal : acceptedIn(step);
  return kind === 'idle' ? { kind } : { kind, accepted: present(accepted) };
}

function unacceptedAfter(before: Unaccepted, event: UnacceptedEvent | ViewEvent): Unaccepted {
  const kind = next(unacceptedTable, before.kind, event.kind);
  const proposal = event.kind === 'hold' ? event.proposal : heldIn(before);
  const answer = event.kind === 'answer' ? event.answer : answerIn(before);
  switch (kind) {
    case 'none':
      return { kind };
    case 'held':
      return { kind, proposal: present(proposal) };
    case 'answered':
      return { kind, answer: present(answer) };
    case 'held-answered':
      return { kind, proposal: present(proposal), answer: present(answer) };
    default:
      return unreachable(kind);
  }
}

function gatheringAfter(before: Gathering, event: GatheringEvent | ViewEvent): Gathering {
  const kind = next(gatheringTable, before.kind, event.kind);
  const proposals = uuidsAfter(before, event);
  const requests = event.kind === 'requests' ? event.requests : requestsIn(before);
  const update = event.kind === 'update' ? event.update : updateIn(before);
  switch (kind) {
    case 'unasked':
      return { kind, proposals };
    case 'gathering':
      return { kind, proposals, requests: present(requests) };
    case 'update-first':
      return { kind, proposals, update: present(update) };
    case 'updated':
      return { kind, proposals, requests: present(requests), update: present(update) };
    default:
      return unreachable(kind);
  }
}

/** A UUID is proposed in one view; the requests stay. */
function uuidsAfter({ proposals }: Gathering, event: GatheringEvent | ViewEvent): Uuids {
  if (event.kind === 'enter-view') return new Map();
  if (event.kind !== 'uuid') return proposals;
  const { replica } = event.proposal.statement;
  return proposals.has(replica) ? proposals : new Map([...proposals, [replica, event.proposal]]);
}

function next<Kind extends string, Event extends string>(
  table: SlotTable<Kind, Event>,
  kind: Kind,
  event: Event,
): Kind {
  const cell = table.rows[event][table.kinds.indexOf(kind)];
  invariant(cell !== undefined && cell !== 'N/A', `no ${event} comes to a slot that is ${kind}`);
  return cell;
}

export function acceptedIn(step: Step): Proposal | undefined {
  return step.kind === 'idle' ? undefined : step.accepted;
}

export function heldIn(unaccepted: Unaccepted): Proposal | undefined {
  return 'proposal' in unaccepted ? unaccepted.proposal : undefined;
}

export function answerIn(unaccepted: Unaccepted): string | undefined {
  return 'answer' in unaccepted ? unaccepted.answer : undefined;
}

export function requestsIn(gathering: Gathering): Requests | undefined {
  return 'requests' in gathering ? gathering.requests : undefined;
}

function updateIn(gathering: Gathering): Update | undefined {
  return 'update' in gathering ? gathering.update : undefined;
}

/** What the kind of before, or the event, has brought. */
function present<Field>(field: Field | undefined): Field {
  invariant(field !== undefined, 'a table leads to a kind whose fields are known');
  return field;
}
