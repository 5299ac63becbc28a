import type { ClusterId, Digest, ReplicaId } from '../../../../src/kernel/ids.js';
import type { Signed } from '../../../../src/kernel/signed.js';
import { decodeAssistance } from '../../../../src/ordering/report-codec.js';
import type {
  Batch,
  OrderingMessage,
  OrderingMessageOf,
  OrderingScope,
  ReportStatement,
  SequencePhase,
  SpecReply,
  ViewStart,
} from '../../../../src/ordering/types.js';

type Proposal = OrderingMessageOf<'proposal'>;
type PrePrepare = OrderingMessageOf<'pre-prepare'>;

const twoStepKinds = new Set<OrderingMessage['kind']>([
  ...(['two-step-view-change', 'two-step-new-view', 'confirmation', 'fast-committed'] as const),
]);

/** Cycles, and places, that are remembered. */
const REMEMBERED = 200;

/** All that a liar's replica has seen and said, to lie with. */
export class Memory {
  readonly proposals = new Map<number, Map<ReplicaId, Map<Digest, Proposal>>>();
  readonly reports = new Map<number, Map<ReplicaId, Signed<ReportStatement>>>();
  /** By scope and place. */
  readonly prePrepares = new Map<string, PrePrepare>();
  readonly votes = new Map<string, Signed<SequencePhase>>();
  readonly requests: OrderingMessageOf<'requests'>[] = [];
  readonly states: OrderingMessageOf<'state'>[] = [];
  readonly viewChanges: OrderingMessageOf<'view-change'>[] = [];
  readonly twoStepViewChanges: OrderingMessageOf<'two-step-view-change'>[] = [];
  /** Of views, with as many confirmations as there must be. */
  readonly starts: ViewStart[] = [];
  readonly said: { readonly to: ReplicaId; readonly message: OrderingMessage }[] = [];
  readonly #cluster: ClusterId;
  readonly #counts = new Map<OrderingMessage['kind'], number>();
  readonly #excluded = new Map<number, readonly ReplicaId[]>();
  /** Of instances, by space and index: what replicas said; and the batches that they may have. */
  readonly replies = new Map<string, Map<ReplicaId, Signed<SpecReply>>>();
  readonly batches = new Map<Digest, Batch>();
  /** It has seen ezBFT at work. */
  hasInstances = false;
  /** The part of its engine that it has seen decide in two steps. */
  twoStepScope: OrderingScope | undefined;
  highestCycle = 0;
  highestPlace = 0;
  view = 0;
  position = 0;

  constructor(cluster: ClusterId) {
    this.#cluster = cluster;
  }

  note(message: OrderingMessage): void {
    if (isOfTwoSteps(message)) this.twoStepScope = message.scope;
    this.#counts.set(message.kind, this.countOf(message.kind) + 1);
    this.hasInstances ||= message.scope === 'ezbft';
    switch (message.kind) {
      case 'proposal':
        return this.#proposal(message);
      case 'report':
        return this.#report(message.report);
      case 'fast-decision':
        for (const report of message.reports) this.#report(report);
        return;
      case 'pre-prepare':
        return this.#prePrepare(message);
      case 'phase': {
        const { scope, phase, sequence } = message.signed.statement;
        keep(this.votes, `${scope} ${phase} ${sequence}`, message.signed);
        return;
      }
      case 'requests':
        this.#commands(message.scope, message.batch);
        return keepLast(this.requests, message);
      case 'state':
        return keepLast(this.states, message, 2);
      case 'view-change':
        this.view = Math.max(this.view, message.viewChange.statement.view);
        return keepLast(this.viewChanges, message);
      case 'two-step-view-change':
        this.view = Math.max(this.view, message.viewChange.statement.view);
        for (const start of message.viewChange.statement.starts) keepLast(this.starts, start, 10);
        return keepLast(this.twoStepViewChanges, message);
      case 'spec-order': {
        const { instance, value } = message.order.statement;
        if (value) keep(this.batches, value.digest, message.batch);
        return this.#reply(instance.space, message.order);
      }
      case 'status':
        if (message.scope !== 'decision-module') {
          this.position = Math.max(this.position, message.position);
        }
        return;
      default:
        return;
    }
  }

  /** What another says of an instance; what it hands on is its own word, too. */
  noteFrom(from: ReplicaId, message: OrderingMessage): void {
    this.note(message);
    if (message.kind === 'spec-reply') this.#reply(from, message.reply);
  }

  /** How many messages of this kind it has seen, or its replica was about to send. */
  countOf(kind: OrderingMessage['kind']): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** It has sent this. */
  sent(to: ReplicaId, message: OrderingMessage): void {
    keepLast(this.said, { to, message });
  }

  /** A value of the replica in this cycle. */
  valueOf(cycle: number, replica: ReplicaId): Proposal | undefined {
    return this.proposals.get(cycle)?.get(replica)?.values().next().value;
  }

  /** Who is left out of a cycle, as the last command about it, or before it, has it. */
  excludedAt(cycle: number): readonly ReplicaId[] {
    return this.#excluded.get(cycle) ?? [...this.#excluded.values()].at(-1) ?? [];
  }

  prePrepareAt(scope: OrderingScope, place: number): PrePrepare | undefined {
    return this.prePrepares.get(`${scope} ${place}`);
  }

  #proposal(message: Proposal): void {
    const { cycle, replica, digest } = message.proposal.statement;
    this.highestCycle = Math.max(this.highestCycle, cycle);
    const of = this.proposals.get(cycle) ?? new Map<ReplicaId, Map<Digest, Proposal>>();
    keep(this.proposals, cycle, of);
    const values = of.get(replica) ?? new Map<Digest, Proposal>();
    of.set(replica, values.set(digest, message));
  }

  #reply(from: ReplicaId, reply: Signed<SpecReply>): void {
    const { space, index } = reply.statement.instance;
    const name = nameOfInstance(space, index);
    const of = this.replies.get(name) ?? new Map<ReplicaId, Signed<SpecReply>>();
    keep(this.replies, name, of.set(from, reply));
  }

  #report(report: Signed<ReportStatement>): void {
    const { cycle, replica } = report.statement;
    const of = this.reports.get(cycle) ?? new Map<ReplicaId, Signed<ReportStatement>>();
    keep(this.reports, cycle, of);
    of.set(replica, report);
  }

  #commands(scope: OrderingScope, batch: Batch): void {
    if (scope !== 'decision-module') return;
    for (const { number, payload } of batch) {
      keep(this.#excluded, number, decodeAssistance(this.#cluster, payload).excluded);
    }
  }

  #prePrepare(message: PrePrepare): void {
    const { sequence, view } = message.prePrepare.statement;
    this.#commands(message.scope, message.batch);
    this.view = Math.max(this.view, view);
    this.highestPlace = Math.max(this.highestPlace, sequence);
    keep(this.prePrepares, `${message.scope} ${sequence}`, message);
  }
}

export function nameOfInstance(space: number, index: number): string {
  return `${space} ${index}`;
}

/** By its scope, or as nothing else leaves a view or opens one so. */
function isOfTwoSteps({ scope, kind }: OrderingMessage): boolean {
  return scope === 'fab' || scope === 'ezbft-decisions' || twoStepKinds.has(kind);
}

function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}

function keepLast<Item>(list: Item[], item: Item, count = 50): void {
  list.push(item);
  if (list.length > count) list.shift();
}
