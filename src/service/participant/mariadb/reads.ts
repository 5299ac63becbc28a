import type { Session } from './session.js';

/** Rows that the session wrote, and `SELECT`s that it ran, also those inside of functions. */
const counters = ['Com_select', 'Handler_write', 'Handler_update', 'Handler_delete'];

/**
 * Whether a call has only read. MariaDB says whether a transaction has written, or locked rows, only to administrators.
 * So a call has read where each of its statements is a `SELECT` by its words, and the session has written no row and run
 * no `SELECT` more: a function of the user's that locks rows runs one.
 */
export class Reads {
  readonly #session: Session;
  #before: readonly number[] = [];
  #reads = 0;
  #hasOthers = false;

  constructor(session: Session) {
    this.#session = session;
  }

  async start(): Promise<void> {
    this.#before = await this.#counters();
  }

  /** Before a statement runs. */
  count(isReading: boolean): void {
    if (isReading) this.#reads += 1;
    else this.#hasOthers = true;
  }

  async areAll(): Promise<boolean> {
    if (this.#hasOthers) return false;
    const now = await this.#counters();
    const expected = this.#before.map((value, index) => value + (index === 0 ? this.#reads : 0));
    return now.every((value, index) => value === expected[index]);
  }

  async #counters(): Promise<readonly number[]> {
    const names = counters.map((name) => `'${name}'`).join(', ');
    const rows = await this.#session.rows(`SHOW SESSION STATUS WHERE Variable_name IN (${names})`);
    const byName = new Map(
      rows.map((row) => {
        const { Variable_name: name, Value: value } = row;
        return [name, Number(value)];
      }),
    );
    return counters.map((name) => byName.get(name) ?? Number.NaN);
  }
}
