import { setTimeout as sleep } from 'node:timers/promises';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { RequestError } from '../../../src/service/client/request-error.js';
import type { Random } from '../../simulation/engine/random.js';
import type { Answer, Ledger, Line, Route } from './ledger.js';

/** In flight at a time to see whether the cluster serves again. */
const probesMax = 6;
const probeEveryMs = 200;
const transferTimeoutMs = 20_000;
/** Of one client, at most: two cores run the whole cluster, the clients and the faults. */
export const turnsPerSecond = 4;
const turnMs = 1000 / turnsPerSecond;

interface Waiting {
  readonly sinceMs: number;
  tookMs?: number;
}

/** Clients that make transfers all the time. Times are of `performance.now()`. */
export class Load {
  readonly #client: TransferClient;
  readonly #clients: number;
  readonly #ledger: Ledger;
  readonly #routes: readonly Route[];
  readonly #random: Random;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #waiting = new Set<Waiting>();
  #clientsDone: Promise<unknown> = Promise.resolve();
  #stopped = false;
  /** Those with an outcome, in the order in which the client was told. */
  readonly answered: Line[] = [];
  readonly counts = { committed: 0, aborted: 0, unknown: 0 };

  constructor(
    options: Pick<ConstructorParameters<typeof TransferClient>[0], 'cluster' | 'node'> & {
      /** How many transfers are in flight at a time. */
      readonly clients: number;
      readonly ledger: Ledger;
      readonly routes: readonly Route[];
      readonly random: Random;
    },
  ) {
    const { cluster, node, clients, ledger, routes, random } = options;
    this.#clients = clients;
    this.#client = new TransferClient({ cluster, node, lanes: clients + probesMax });
    this.#ledger = ledger;
    this.#routes = routes;
    this.#random = random;
  }

  get client(): TransferClient {
    return this.#client;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  start(): void {
    this.#clientsDone = Promise.all(Array.from({ length: this.#clients }, () => this.#runClient()));
  }

  /** Begins no more transfers, and waits until all are answered or given up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#clientsDone;
    await this.settled();
  }

  /** Makes so many transfers more, one after the other, although it has stopped. */
  async add(transfers: number): Promise<void> {
    for (let count = 0; count < transfers; count += 1) {
      await this.#begin(this.#random.pick(this.#routes));
    }
  }

  /** Waits until all transfers that are under way now are answered or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /**
   * How long from now until a transfer that is begun from now on is answered as committed, in
   * milliseconds. Makes transfers of its own, on the routes that `usable` gives, so that it does not
   * have to wait for a client. `undefined` where there is none within `timeoutMs`.
   */
  async firstCommit(
    usable: () => readonly Route[],
    timeoutMs: number,
  ): Promise<number | undefined> {
    const sinceMs = performance.now();
    const waiting: Waiting = { sinceMs };
    this.#waiting.add(waiting);
    while (waiting.tookMs === undefined && performance.now() - sinceMs < timeoutMs) {
      const routes = usable();
      if (routes.length > 0 && this.#inFlight.size < this.#clients + probesMax) {
        void this.#begin(this.#random.pick(routes));
      }
      await sleep(probeEveryMs);
    }
    this.#waiting.delete(waiting);
    return waiting.tookMs;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #runClient(): Promise<void> {
    while (!this.#stopped) {
      const turnEndsMs = performance.now() + turnMs * this.#random.between(0.5, 1.5);
      await this.#begin(this.#random.pick(this.#routes));
      await sleep(Math.max(0, turnEndsMs - performance.now()));
    }
  }

  async #begin(route: Route): Promise<void> {
    const line = this.#ledger.next(route);
    if (line === undefined) return;
    const done = this.#transfer(line);
    this.#inFlight.add(done);
    await done;
    this.#inFlight.delete(done);
  }

  async #transfer(line: Line): Promise<void> {
    const begunMs = performance.now();
    line.answer = await this.#ask(line);
    this.counts[line.answer.kind] += 1;
    if (line.answer.kind !== 'unknown') this.answered.push(line);
    if (line.answer.kind !== 'committed') return;
    for (const waiting of this.#waiting) {
      if (begunMs >= waiting.sinceMs) waiting.tookMs ??= performance.now() - waiting.sinceMs;
    }
  }

  async #ask(line: Line): Promise<Answer> {
    try {
      const options = { timeoutMs: transferTimeoutMs };
      const { outcome, transactionId } = await this.#client.transfer(line.order, options);
      return { kind: outcome, tid: transactionId };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return { kind: 'unknown', why: error.message };
    }
  }
}
