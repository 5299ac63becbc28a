import type { EnlistmentId, TransactionId } from '../../../src/kernel/ids.js';
import type { DiskWrite } from '../engine/disk.js';
import type { SettlementFact } from './facts.js';

const prepared = 'participant/prepared/';
const account = 'account/';

/** The banks' books as their disks show them: what was prepared, and how it ended. */
export class Ledger {
  readonly settlements: SettlementFact[] = [];
  readonly #inDoubt = new Map<string, { readonly bank: string; readonly sinceMs: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Enlistments that are prepared and have no outcome. */
  get inDoubt(): readonly { readonly key: string; readonly bank: string }[] {
    return [...this.#inDoubt].map(([key, { bank }]) => ({ key, bank }));
  }

  /** One atomic group of writes. Only where it ends a single enlistment is it clear what moved. */
  written(bank: string, writes: readonly DiskWrite[]): void {
    const ended: TransactionId[] = [];
    for (const { key, value } of writes) {
      if (!key.startsWith(prepared)) continue;
      const [tid, enlistment] = key.slice(prepared.length).split('/') as [
        TransactionId,
        EnlistmentId,
      ];
      const name = `${tid}/${enlistment}`;
      if (value !== null) this.#inDoubt.set(name, { bank, sinceMs: this.#nowMs() });
      else if (this.#inDoubt.delete(name)) ended.push(tid);
    }
    const [tid] = ended;
    if (tid === undefined || ended.length > 1) return;
    const moved = writes.some(({ key }) => key.startsWith(account));
    this.settlements.push({ bank, tid, outcome: moved ? 'commit' : 'abort' });
  }
}
