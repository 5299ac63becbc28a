import type { Engine } from './engine.js';
import type { Process } from './process.js';
import type { Random } from './random.js';

/** What may happen to messages now. Rates are probabilities, for each message. */
export interface LinkConditions {
  delayMinMs: number;
  delayMaxMs: number;
  lossRate: number;
  duplicateRate: number;
  /** Without it the messages from one node to another arrive in their order. */
  reorderRate: number;
}

export type NetworkFault = 'loss' | 'duplication' | 'reordering' | 'partitioned';

export interface NetworkOptions<Message> {
  readonly engine: Engine;
  readonly random: Random;
  readonly kindOf: (message: Message) => string;
  readonly onSent: (from: string, to: string, message: Message) => void;
  readonly onDelivered: (from: string, to: string, message: Message) => void;
  readonly onFault: (fault: NetworkFault) => void;
}

/** Whether a message is lost, by who sends it to whom and what it is. */
export type Loses = (from: string, to: string, kind: string) => boolean;

/** How a message was lost: its sender is told at once, or has to guess. */
export type Lost = (how: 'refused' | 'silent') => void;

interface Endpoint<Message> {
  readonly process: Process<Message>;
  /** Twins share an address; each hears some of the others. */
  readonly hears: (from: string) => boolean;
}

/** What is slow takes this much longer; a message that is overtaken, at most. */
const REORDER_DELAY_MAX_MS = 400;

/** The links between all addresses. Who a message is from cannot be forged; all else can happen to it. */
export class Network<Message> {
  readonly conditions: LinkConditions = {
    delayMinMs: 0.2,
    delayMaxMs: 2,
    lossRate: 0,
    duplicateRate: 0,
    reorderRate: 0,
  };
  readonly #options: NetworkOptions<Message>;
  readonly #endpoints = new Map<string, Endpoint<Message>[]>();
  readonly #blocked = new Map<string, number>();
  readonly #losing = new Set<Loses>();
  readonly #lastArrivalMs = new Map<string, number>();
  #sent = 0;

  constructor(options: NetworkOptions<Message>) {
    this.#options = options;
  }

  get addresses(): string[] {
    return [...this.#endpoints.keys()];
  }

  attach(process: Process<Message>, hears: (from: string) => boolean = () => true): void {
    const { address } = process;
    const there = this.#endpoints.get(address) ?? [];
    this.#endpoints.set(address, [...there, { process, hears }]);
  }

  /** Unique in the run. */
  nextId(): number {
    this.#sent += 1;
    return this.#sent;
  }

  send(from: string, to: string, message: Message, lost: Lost = () => {}): void {
    const { engine, random, onSent, onFault } = this.#options;
    onSent(from, to, message);
    const id = this.nextId();
    if (this.isBlocked(from, to) || this.#isLost(from, to, message)) {
      onFault('partitioned');
      return lost('silent');
    }
    const { lossRate, duplicateRate } = this.conditions;
    if (random.chance(lossRate)) {
      onFault('loss');
      return lost('silent');
    }
    engine.after(this.#delayMs(from, to), () => this.#deliver(from, to, message, id, lost));
    if (!random.chance(duplicateRate)) return;
    onFault('duplication');
    engine.after(2 * this.#delayMs(from, to), () => this.#deliver(from, to, message, id, () => {}));
  }

  /** Counts, so that overlapping partitions heal one by one. */
  block(from: string, to: string): void {
    const link = `${from}>${to}`;
    this.#blocked.set(link, (this.#blocked.get(link) ?? 0) + 1);
  }

  unblock(from: string, to: string): void {
    const link = `${from}>${to}`;
    const left = (this.#blocked.get(link) ?? 0) - 1;
    if (left > 0) this.#blocked.set(link, left);
    else this.#blocked.delete(link);
    if (left === 0) this.#linkUp(from, to);
  }

  /** Such messages are lost until what is returned is called. */
  lose(loses: Loses): () => void {
    this.#losing.add(loses);
    return () => this.#losing.delete(loses);
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from}>${to}`);
  }

  /** A process has started: its links come up, in both directions. */
  announce(address: string): void {
    for (const other of this.addresses) {
      if (other === address) continue;
      this.#linkUp(address, other);
      this.#linkUp(other, address);
    }
  }

  #isLost(from: string, to: string, message: Message): boolean {
    if (this.#losing.size === 0) return false;
    const kind = this.#options.kindOf(message);
    return [...this.#losing].some((loses) => loses(from, to, kind));
  }

  #linkUp(from: string, to: string): void {
    const isThere = this.#endpoints.get(to)?.some(({ process }) => process.isUp) ?? false;
    if (!isThere || this.isBlocked(from, to)) return;
    for (const { process, hears } of this.#endpoints.get(from) ?? []) {
      if (hears(to)) process.linked(to);
    }
  }

  #delayMs(from: string, to: string): number {
    const { engine, random, onFault } = this.#options;
    const { delayMinMs, delayMaxMs, reorderRate } = this.conditions;
    const delayMs = random.between(delayMinMs, delayMaxMs);
    if (random.chance(reorderRate)) {
      onFault('reordering');
      return delayMs + random.between(0, REORDER_DELAY_MAX_MS);
    }
    const link = `${from}>${to}`;
    const arrivalMs = Math.max(engine.nowMs + delayMs, this.#lastArrivalMs.get(link) ?? 0);
    this.#lastArrivalMs.set(link, arrivalMs);
    return arrivalMs - engine.nowMs;
  }

  #deliver(from: string, to: string, message: Message, id: number, lost: Lost): void {
    const { engine, kindOf, onDelivered, onFault } = this.#options;
    if (this.isBlocked(from, to)) {
      onFault('partitioned');
      return lost('silent');
    }
    const there = (this.#endpoints.get(to) ?? []).filter(
      ({ process, hears }) => process.isUp && hears(from),
    );
    if (there.length === 0) return lost('refused');
    engine.note(`${from}>${to} ${kindOf(message)}`);
    onDelivered(from, to, message);
    for (const { process } of there) process.receive(from, message, id);
  }
}
