import type { InitiatorId, TransactionId } from '../../vocabulary/ids.js';

/** How a transfer ended. */
export interface TransferResult {
  readonly transactionId: TransactionId;
  readonly outcome: 'committed' | 'aborted';
  /** Why it was aborted, where enough initiators say the same. */
  readonly reason?: string;
}

/** An initiator's last word on a request. */
export type FinalWord =
  | { readonly kind: 'outcome'; readonly result: TransferResult }
  /** It will not do it; `fault` is its fault's code and reason, `isTooOld` that it took a later request. */
  | { readonly kind: 'refusal'; readonly fault: string; readonly isTooOld: boolean };

export type Verdict =
  | { readonly kind: 'open' }
  | { readonly kind: 'result'; readonly result: TransferResult }
  /** So many initiators refused, alike, that one of them is correct and no outcome can come. */
  | { readonly kind: 'refused'; readonly fault: string; readonly isTooOld: boolean }
  /** Whatever those say that have not yet answered, not enough of them will say the same. */
  | { readonly kind: 'disagreement' };

/**
 * Waits for `f + 1` initiators that say the same, of which one is correct. What fewer say is not
 * acted on, whatever it is.
 */
export class ReplyMatcher {
  readonly #words = new Map<InitiatorId, FinalWord>();
  readonly #needed: number;
  readonly #initiators: number;

  /** `needed` is `f + 1`. */
  constructor(needed: number, initiators: number) {
    this.#needed = needed;
    this.#initiators = initiators;
  }

  /** Counts an initiator's final word; it has only one. */
  add(initiator: InitiatorId, word: FinalWord): Verdict {
    if (!this.#words.has(initiator)) this.#words.set(initiator, word);
    const words = [...this.#words.values()];
    const results = words.flatMap((each) => (each.kind === 'outcome' ? [each.result] : []));
    const alike = mostCommon(
      results,
      ({ transactionId, outcome }) => `${transactionId} ${outcome}`,
    );
    if (alike !== undefined && alike.length >= this.#needed) {
      return { kind: 'result', result: this.#withReason(alike) };
    }
    const outstanding = this.#initiators - words.length;
    if ((alike?.length ?? 0) + outstanding >= this.#needed) return { kind: 'open' };
    const refusals = words.flatMap((each) => (each.kind === 'refusal' ? [each] : []));
    const refusal = mostCommon(refusals, ({ fault, isTooOld }) => `${isTooOld} ${fault}`);
    if (refusal === undefined || refusal.length < this.#needed) return { kind: 'disagreement' };
    const [{ fault, isTooOld }] = refusal;
    return { kind: 'refused', fault, isTooOld };
  }

  /** The reason counts like the outcome: only if `f + 1` of those who agree give the same one. */
  #withReason([first, ...others]: NonEmpty<TransferResult>): TransferResult {
    const { transactionId, outcome } = first;
    const reasons = [first, ...others].flatMap(({ reason }) => reason ?? []);
    const reason = mostCommon(reasons, (text) => text);
    return reason !== undefined && reason.length >= this.#needed
      ? { transactionId, outcome, reason: reason[0] }
      : { transactionId, outcome };
  }
}

type NonEmpty<Item> = readonly [Item, ...Item[]];

/** The largest group of items with the same key; `undefined` where there are no items. */
function mostCommon<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): NonEmpty<Item> | undefined {
  const groups = new Map<string, [Item, ...Item[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length)[0];
}
