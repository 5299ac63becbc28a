import type { Random } from '../../simulation/engine/random.js';
import type { Group } from './group.js';
import { replicas } from './group.js';

/** Answers of so many replicas are believed: `f + 1`. */
const believed = 2;
const askAgainMs = 1000;
const pauseMs = 20;

interface Open {
  readonly number: number;
  home: number;
  readonly answeredBy: Set<number>;
  timer: NodeJS.Timeout | undefined;
}

/** Clients with one request under way each. One that is not answered in time asks another replica. */
export class Clients {
  /** By client, the last number that enough replicas have said they executed. */
  readonly acknowledged = new Set<string>();
  readonly #group: Group;
  readonly #random: Random;
  readonly #open = new Map<string, Open>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isOver = false;

  constructor(group: Group, random: Random) {
    this.#group = group;
    this.#random = random;
  }

  get open(): readonly string[] {
    return [...this.#open].map(([client, { number }]) => `${client} ${number}`);
  }

  start(count: number): void {
    for (let index = 0; index < count; index += 1) this.#next(`client-${index}`, 1, index);
  }

  /** No new requests; those under way go on until they are answered. */
  end(): void {
    this.#isOver = true;
  }

  close(): void {
    this.#isOver = true;
    for (const { timer } of this.#open.values()) clearTimeout(timer);
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** A replica has executed it. */
  executed(replica: number, client: string, number: number): void {
    const open = this.#open.get(client);
    if (open?.number !== number) return;
    open.answeredBy.add(replica);
    if (open.answeredBy.size < believed) return;
    clearTimeout(open.timer);
    this.#open.delete(client);
    this.acknowledged.add(`${client} ${number}`);
    if (this.#isOver) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#next(client, number + 1, open.home);
      },
      this.#random.between(0, 2 * pauseMs),
    );
    this.#timers.add(timer);
  }

  #next(client: string, number: number, home: number): void {
    if (this.#isOver) return;
    const open: Open = {
      number,
      home: home % replicas.length,
      answeredBy: new Set(),
      timer: undefined,
    };
    this.#open.set(client, open);
    this.#ask(client, open);
  }

  #ask(client: string, open: Open): void {
    const { number, home } = open;
    this.#group.submit(home, { kind: 'submit', client, number, text: `request ${number}` });
    open.timer = setTimeout(() => {
      open.home = (home + 1) % replicas.length;
      this.#ask(client, open);
    }, askAgainMs);
  }
}
