import type { Keyring } from '../../../src/kernel/keys.js';
import { verifyCertifiedOrder } from '../../../src/session/check-proof.js';
import type { CertifiedOrder } from '../../../src/session/types.js';
import type { Random } from '../engine/random.js';
import type { Violation } from '../kit/violation.js';

export type BankOutcome = 'committed' | { readonly aborted: string };

/** One transfer of this amount is refused, each time. */
export const isRefused = (amountMinor: number): boolean => amountMinor % 7 === 0;

/** The layer below: initiators that act on certified orders, once each, and coordinators that know. */
export class SimBank {
  readonly violations: Violation[] = [];
  /** How often each amount was moved; each amount is of one operation only. */
  readonly moved = new Map<number, number>();
  readonly #outcomes = new Map<
    string,
    { readonly digest: string; readonly outcome: BankOutcome }
  >();
  readonly #keyring: Keyring;
  readonly #random: Random;

  constructor(keyring: Keyring, random: Random) {
    this.#keyring = keyring;
    this.#random = random;
  }

  get orders(): number {
    return this.#outcomes.size;
  }

  /** Whoever says so: only the certificate counts. */
  run(order: CertifiedOrder): void {
    if (!verifyCertifiedOrder(this.#keyring, order).ok) return;
    const { lane, number, transfers } = order.certificate.statement;
    const known = this.#outcomes.get(`${lane}/${number}`);
    if (known) {
      if (known.digest !== transfers) this.#fault(`order ${lane}/${number} is two`);
      return;
    }
    const refused = order.transfers.find(({ amountMinor }) => isRefused(amountMinor));
    const outcome: BankOutcome = refused
      ? { aborted: `bank-a refuses ${refused.amountMinor}` }
      : this.#random.chance(0.05)
        ? { aborted: 'timeout' }
        : 'committed';
    this.#outcomes.set(`${lane}/${number}`, { digest: transfers, outcome });
    if (outcome !== 'committed') return;
    for (const { amountMinor } of order.transfers) {
      const times = (this.moved.get(amountMinor) ?? 0) + 1;
      this.moved.set(amountMinor, times);
      if (times > 1) this.#fault(`${amountMinor} was moved twice`);
    }
  }

  outcomeOf(lane: number, number: number): BankOutcome | undefined {
    return this.#outcomes.get(`${lane}/${number}`)?.outcome;
  }

  #fault(what: string): void {
    this.violations.push({ checker: 'one-transaction', what });
  }
}
