import { ConcordatError, type NoData, noData } from '../../kernel/error.js';
import { type ClientId, clientId } from '../../kernel/ids.js';
import { RequestError, type Ticket } from './request-error.js';

/** Lanes of one client certificate: the client ids `name/0` to `name/9999`. */
const laneCount = 10_000;
/** So that a lane is found among those that are in use, free or set aside. */
const lanesMax = 4096;

export interface LanePoolOptions {
  /** The client's name, as its certificate has it. */
  readonly name: string;
  /** Number of the first lane. */
  readonly firstLane: number;
  /** How many requests may be in flight at a time. */
  readonly lanes: number;
  /** How many more may wait for a lane. */
  readonly waiting: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** Lanes set aside at a time, at most; for one more the oldest is used again. */
const retiredMax = laneCount / 2;

/** Every lane is taken and the queue for them is full. */
export class LanesBusyError extends ConcordatError<'busy', NoData> {
  override readonly name = 'LanesBusyError';
  readonly code = 'busy';
  readonly data = noData;
}

interface Waiter {
  admit(client: ClientId): void;
  refuse(error: Error): void;
}

/**
 * Shares out lanes. An initiator takes one request of a client id at a time, with a timestamp above
 * all before it (Zhao §4.1), so each request in flight needs a client id of its own.
 *
 * Timestamps are microseconds since 1970 and never the same twice, so they go on rising after a
 * restart as long as the clock is not set back by more than the time in between.
 */
export class LanePool {
  readonly #free: ClientId[];
  readonly #inUse = new Set<ClientId>();
  /** Lanes whose last request may have to be asked for again: it has to stay the lane's last. */
  readonly #retired = new Set<ClientId>();
  /** Number of the lane that comes next where one is retired. */
  #nextLane: number;
  readonly #waiters: Waiter[] = [];
  readonly #options: LanePoolOptions;
  #lastTimestamp = 0;

  /** Throws `RangeError` where the name is not one or the lanes are not between 0 and 9999. */
  constructor(options: LanePoolOptions) {
    const { name, firstLane, lanes } = options;
    if (lanes < 1 || lanes > lanesMax || firstLane < 0 || firstLane + lanes > laneCount) {
      throw new RangeError(`no lanes ${firstLane} to ${firstLane + lanes - 1}: 0 to 9999 at most`);
    }
    this.#options = options;
    this.#nextLane = (firstLane + lanes) % laneCount;
    this.#free = Array.from({ length: lanes }, (_, index) =>
      clientId(`${name}/${firstLane + index}`),
    );
  }

  /**
   * Works with a lane of its own, for which it may have to wait. Throws `LanesBusyError` where too
   * many wait already, or the lane did not come free within `timeoutMs`. Where the work fails with
   * `isOpen`, its request may be asked for again, and another lane takes the place of its own.
   */
  async run<Value>(timeoutMs: number, work: (ticket: Ticket) => Promise<Value>): Promise<Value> {
    const client = this.#free.shift() ?? (await this.#wait(timeoutMs));
    this.#inUse.add(client);
    let last = client;
    try {
      return await work({ client, timestamp: this.#timestamp() });
    } catch (error) {
      if (!(error instanceof RequestError) || error.isOpen) last = this.#replace(client);
      throw error;
    } finally {
      this.#inUse.delete(client);
      this.#release(last);
    }
  }

  /** Uses the lane for nothing else, so that its last request can be asked for. */
  retire(client: ClientId): void {
    const index = this.#free.indexOf(client);
    if (index >= 0) this.#free[index] = this.#replace(client);
    else if (!this.#inUse.has(client)) this.#setAside(client);
  }

  /** The outcome of the lane's last request is known. */
  restore(client: ClientId): void {
    this.#retired.delete(client);
  }

  #replace(client: ClientId): ClientId {
    this.#setAside(client);
    const lane = () => clientId(`${this.#options.name}/${this.#nextLane}`);
    const isTaken = (one: ClientId): boolean =>
      this.#retired.has(one) || this.#inUse.has(one) || this.#free.includes(one);
    while (isTaken(lane())) this.#nextLane = (this.#nextLane + 1) % laneCount;
    return lane();
  }

  #setAside(client: ClientId): void {
    this.#retired.add(client);
    const [oldest] = this.#retired;
    if (this.#retired.size > retiredMax && oldest !== undefined) this.#retired.delete(oldest);
  }

  #wait(timeoutMs: number): Promise<ClientId> {
    const { waiting } = this.#options;
    if (this.#waiters.length >= waiting) {
      return Promise.reject(new LanesBusyError(`all lanes are taken and ${waiting} requests wait`));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        waiter.refuse(new LanesBusyError(`no lane came free within ${timeoutMs} ms`));
      }, timeoutMs);
      const waiter: Waiter = {
        admit: (client) => {
          clearTimeout(timer);
          resolve(client);
        },
        refuse: reject,
      };
      this.#waiters.push(waiter);
    });
  }

  #release(client: ClientId): void {
    const next = this.#waiters.shift();
    if (next === undefined) {
      this.#free.push(client);
    } else {
      this.#inUse.add(client);
      next.admit(client);
    }
  }

  #timestamp(): number {
    const now = this.#options.clock() * 1000;
    this.#lastTimestamp = Math.max(now, this.#lastTimestamp + 1);
    return this.#lastTimestamp;
  }
}
