import { sha256 } from '../../../src/kernel/digest.js';
import type { Digest } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import type {
  CycleValue,
  OrderingMessage,
  OrderingRequest,
  OrderingStatement,
  SpecReply,
} from '../../../src/ordering/types.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Cast } from '../kit/cast.js';
import type { Violation } from '../kit/violation.js';
import type { Applied, Lane } from './machine.js';
import { type DecidedRecord, readDecided } from './records.js';

export const keyOf = ({ client, number }: OrderingRequest): string => `${client} ${number}`;

/** What one machine had applied when it applied this, whichever came there first. */
export interface Entry {
  readonly key: string;
  readonly position: number;
  readonly chain: string;
}

/** Sees all that correct replicas say, write and apply, and notes where they contradict themselves. */
export class OrderingWitness {
  /** The one order of each lane, as far as any machine has got. Index 1 comes first. */
  readonly #logs = new Map<string, Entry[]>();
  readonly #places = new Map<string, { readonly lane: string; readonly index: number }>();
  /** How much each correct replica's machine has applied, by lane. */
  readonly #applied = new Map<number, Map<string, number>>();
  readonly decided = new Map<number, Map<string, DecidedRecord>>();
  readonly values = new Map<Digest, CycleValue>();
  /** What each correct replica proposed in a cycle. */
  readonly proposed = new Map<string, Digest>();
  readonly contradictions: Violation[] = [];
  /** Messages of correct replicas. */
  sent = 0;
  highestView = 0;
  readonly #cast: Pick<Cast, 'cluster'>;
  readonly #isCorrect: (replica: number) => boolean;
  readonly #seen = new WeakSet<OrderingMessage>();
  readonly #signed = new Map<string, Digest>();
  readonly #told = new Map<number, number>();

  constructor(cast: Pick<Cast, 'cluster'>, isCorrect: (replica: number) => boolean) {
    this.#cast = cast;
    this.#isCorrect = isCorrect;
  }

  get highestCycle(): number {
    return Math.max(0, ...this.decided.keys());
  }

  /** A machine starts anew, and replays. */
  started(replica: number): void {
    if (this.#isCorrect(replica)) this.#applied.set(replica, new Map());
  }

  /** Its disk is gone, so it tells its application again. */
  forgets(replica: number): void {
    this.#told.delete(replica);
  }

  /** The order of a lane; where nothing commutes there is one. */
  log(lane = '0'): Entry[] {
    const known = this.#logs.get(lane);
    if (known) return known;
    const log: Entry[] = [];
    this.#logs.set(lane, log);
    return log;
  }

  /** Requests that any machine has applied. */
  get ordered(): number {
    return this.#places.size;
  }

  /** Whether a correct replica has applied this request. */
  hasApplied(replica: number, key: string): boolean {
    const place = this.#places.get(key);
    return place !== undefined && place.index <= (this.#applied.get(replica)?.get(place.lane) ?? 0);
  }

  machineApplied(replica: number, { lane, index, position, request, chain }: Applied): void {
    if (!this.#isCorrect(replica)) return;
    const key = keyOf(request);
    const log = this.log(lane);
    this.#reached(replica).set(lane, index);
    if (log[index - 1]) return this.#compare(replica, lane, index, chain);
    const before = this.#places.get(key);
    if (before) this.#fault('exactly-once', `${key} at ${before.index} and at ${index}`);
    log.push({ key, position, chain });
    this.#places.set(key, { lane, index });
  }

  machineInstalled(replica: number, lanes: readonly Lane[]): void {
    if (!this.#isCorrect(replica)) return;
    this.#applied.set(replica, new Map(lanes.map(({ lane, index }) => [lane, index])));
    for (const { lane, index, chain } of lanes) this.#compare(replica, lane, index, chain);
  }

  #reached(replica: number): Map<string, number> {
    const known = this.#applied.get(replica) ?? new Map<string, number>();
    this.#applied.set(replica, known);
    return known;
  }

  /** A replica tells its application; never twice of the same place, restarts included. */
  delivered(replica: number, position: number): void {
    if (!this.#isCorrect(replica)) return;
    const last = this.#told.get(replica) ?? 0;
    if (position <= last) {
      this.#fault('told-once', `replica ${replica} tells of ${position} after ${last}`);
    }
    this.#told.set(replica, position);
  }

  sentBy(from: number, message: OrderingMessage): void {
    if (message.kind === 'proposal') {
      this.values.set(message.proposal.statement.digest, message.value);
    }
    if (!this.#isCorrect(from)) return;
    this.sent += 1;
    if (this.#seen.has(message)) return;
    this.#seen.add(message);
    switch (message.kind) {
      case 'proposal': {
        const { statement } = message.proposal;
        // It may hand on another's.
        if (statement.replica !== from) return;
        this.proposed.set(`${from} ${statement.cycle}`, statement.digest);
        return this.#once(from, `proposal of cycle ${statement.cycle}`, message.proposal);
      }
      case 'report':
        // It may hand on another's.
        return this.#once(
          message.report.statement.replica,
          `report of ${message.report.statement.cycle}`,
          message.report,
        );
      case 'spec-order':
        return this.#saysOf(message.order.statement.instance.space, message.order);
      case 'spec-reply':
        return this.#saysOf(from, message.reply);
      case 'pre-prepare': {
        const { scope, view, sequence } = message.prePrepare.statement;
        return this.#once(from, `${scope} pre-prepare ${view} ${sequence}`, message.prePrepare);
      }
      case 'phase': {
        const { scope, phase, view, sequence } = message.signed.statement;
        return this.#once(from, `${scope} ${phase} ${view} ${sequence}`, message.signed);
      }
      case 'checkpoint': {
        const { scope, position, digest } = message.signed.statement;
        this.#agree(`${scope} state at ${position}`, digest, from);
        return;
      }
      case 'confirmation': {
        const { statement, bytes, signatures } = message.confirmations;
        const own = signatures.find(({ replica }) => replica === from);
        if (!own) return;
        const signed = { statement, bytes, signature: own.signature };
        return this.#once(from, `${statement.scope} confirmation ${statement.view}`, signed);
      }
      case 'view-change':
      case 'two-step-view-change': {
        const { scope, view, replica } = message.viewChange.statement;
        if (replica !== from) return;
        return this.#once(from, `${scope} view change to ${view}`, message.viewChange);
      }
      case 'new-view':
      case 'two-step-new-view': {
        const { scope, view } = message.newView.statement;
        this.highestView = Math.max(this.highestView, view);
        return this.#once(view % this.#cast.cluster.resilience.n, `${scope} new view ${view}`, {
          ...message.newView,
        });
      }
      default:
        return;
    }
  }

  written(replica: number, writes: readonly DiskWrite[]): void {
    if (!this.#isCorrect(replica)) return;
    for (const { key, value } of writes) {
      const record = value && readDecided(this.#cast, key, value);
      if (!record) continue;
      const known = this.decided.get(record.cycle) ?? new Map<string, DecidedRecord>();
      const text = record.vector.join(' ');
      const path = record.reports ? 'fast' : 'slow';
      this.decided.set(record.cycle, known.set(`${text} by ${path}`, record));
    }
  }

  /** A correct replica says one thing of an instance, be it its own. */
  #saysOf(replica: number, reply: Signed<SpecReply>): void {
    const { space, index } = reply.statement.instance;
    this.#once(replica, `reply of instance ${space}.${index}`, reply);
  }

  /** A correct replica says one thing of a kind. */
  #once(from: number, what: string, signed: Signed<OrderingStatement>): void {
    if (!this.#isCorrect(from)) return;
    const name = `${from} ${what}`;
    const digest = sha256(signed.bytes);
    const known = this.#signed.get(name) ?? digest;
    this.#signed.set(name, known);
    if (known !== digest) this.#fault('no-contradictions', `replica ${from} signs two: ${what}`);
  }

  /** All correct replicas say the same. */
  #agree(what: string, digest: Digest, from: number): void {
    const known = this.#signed.get(what) ?? digest;
    this.#signed.set(what, known);
    if (known !== digest) this.#fault('same-state', `replica ${from} has another ${what}`);
  }

  #compare(replica: number, lane: string, index: number, chain: string): void {
    if (this.log(lane)[index - 1]?.chain === chain) return;
    this.#fault('total-order', `replica ${replica} differs at ${index} of lane ${lane}`);
  }

  #fault(checker: string, what: string): void {
    if (this.contradictions.length < 20) this.contradictions.push({ checker, what });
  }
}
