import { TestCluster } from 'concordat';
import { accountId, currency } from 'concordat/client';
import type { AccountLedger, ApplicationVote, Posting, StoredRecord } from 'concordat/participant';

/** A participant of one's own: it gives points for each cent that is paid in. */
class Points implements AccountLedger {
  points = 0;
  readonly #held = new Map<string, number>();
  restore(records: readonly StoredRecord[]) {
    for (const { key, value } of records) if (key === 'points') this.points = numberIn(value);
  }
  open = () => [];
  balance = () => undefined;
  hold(enlistment: string, { amountMinor }: Posting) {
    this.#held.set(enlistment, amountMinor);
    return { kind: 'done' } as const;
  }
  prepare(enlistment: string): ApplicationVote {
    const held = this.#held.get(enlistment);
    return held === undefined ? { vote: 'aborted' } : { vote: 'prepared', record: bytesOf(held) };
  }
  recover = (enlistment: string, record: Uint8Array) =>
    void this.#held.set(enlistment, numberIn(record));
  commit(enlistment: string) {
    this.points += this.#held.get(enlistment) ?? 0;
    this.#held.delete(enlistment);
    return [{ key: 'points', value: bytesOf(this.points) }];
  }
  rollBack = (enlistment: string) => void this.#held.delete(enlistment);
}
const bytesOf = (count: number) => new TextEncoder().encode(String(count));
const numberIn = (bytes: Uint8Array) => Number(new TextDecoder().decode(bytes));

const points = new Points();
const all = await TestCluster.start({ ledgers: { 'bank-b': () => points } });
const [bankA, bankB] = all.cluster.participants;
if (!bankA || !bankB) throw new Error('a cluster has two participants at least');
const transfer = {
  debtor: { bank: bankA.id, account: accountId('alice') },
  creditors: [{ bank: bankB.id, account: accountId('alice'), amountMinor: 1250 }],
  currency: currency('EUR'),
};
const { outcome } = await all.client.transfer(transfer, { timeoutMs: 20_000 });
const { amountMinor } = await all.client.getBalance(bankA.id, accountId('alice'));
// The outcome is agreed on before the participants have carried it out.
while (points.points === 0) await new Promise((resolve) => setImmediate(resolve));
console.log(`${outcome}: ${points.points} points, ${amountMinor} cents left`);
await all.stop();
