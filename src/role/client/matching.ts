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
  /** It will not do it; `fault` is its fault's code and reason, `isTooOld` that it is past the request. */
  | { readonly kind: 'refusal'; readonly fault: string; readonly isTooOld: boolean };

export type Verdict =
  | { readonly kind: 'open' }
  | { readonly kind: 'result'; readonly result: TransferResult }
  /**
   * So many initiators refused that one of them is correct and no outcome can come: alike, or because the
   * request is too old, which contradicts no outcome that others know.
   */
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
    const alike = this.#alike;
    if (alike !== undefined && alike.length >= this.#needed) {
      return { kind: 'result', result: this.#withReason(alike) };
    }
    const outstanding = this.#initiators - this.#words.size;
    if ((alike?.length ?? 0) + outstanding >= this.#needed) return { kind: 'open' };
    return this.#tooOld(outstanding) ?? this.#refused();
  }

  /** Whether the request is too old unless more initiators have their say, and say otherwise. */
  get isTooOldSoFar(): boolean {
    return this.#tooOld(0)?.kind === 'refused';
  }

  get #alike(): NonEmpty<TransferResult> | undefined {
    const results = [...this.#words.values()].flatMap((each) =>
      each.kind === 'outcome' ? [each.result] : [],
    );
    return mostCommon(results, ({ transactionId, outcome }) => `${transactionId} ${outcome}`);
  }

  get #refusals(): readonly Refusal[] {
    return [...this.#words.values()].flatMap((each) => (each.kind === 'refusal' ? [each] : []));
  }

  #refused(): Verdict {
    const refusal = mostCommon(this.#refusals, ({ fault }) => fault);
    if (refusal === undefined || refusal.length < this.#needed) return { kind: 'disagreement' };
    const [{ fault, isTooOld }] = refusal;
    return { kind: 'refused', fault, isTooOld };
  }

  /**
   * "Too old" contradicts no outcome: an initiator that restarted may find forgotten what another one still
   * knows. Of `f + 1` that say either one is correct. It knows how the request ended, or that no quorum makes it
   * any more; but no `f + 1` name one outcome.
   */
  #tooOld(outstanding: number): Verdict | undefined {
    const [first, ...others] = this.#refusals.filter(({ isTooOld }) => isTooOld);
    if (first === undefined) return undefined;
    const compatible = 1 + others.length + (this.#alike?.length ?? 0);
    if (compatible >= this.#needed) return { kind: 'refused', fault: first.fault, isTooOld: true };
    return compatible + outstanding >= this.#needed ? { kind: 'open' } : undefined;
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

type Refusal = Extract<FinalWord, { kind: 'refusal' }>;
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
