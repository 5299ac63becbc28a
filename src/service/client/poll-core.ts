import { resendDelayMs } from '../../kernel/core.js';
import type { InitiatorId, TransactionId } from '../../kernel/ids.js';
import type { Turns } from '../../kernel/patience.js';
import type { RequestErrorCode } from './request-error.js';

/** How the transaction of a request ended. */
export interface RequestResult {
  /** Names the transaction, for example to fetch its proof. */
  readonly transactionId: TransactionId;
  /** `committed`: all that it called for is done, or will be. `aborted`: none of it. */
  readonly outcome: 'committed' | 'aborted';
  /** Why it was aborted, where enough initiators say the same. */
  readonly reason?: string;
  /** What a procedure made of it where it committed, as JSON text, where enough initiators say the same. */
  readonly result?: string;
}

/** An initiator's final answer to a request. */
export type FinalAnswer =
  | { readonly kind: 'outcome'; readonly result: RequestResult }
  /** It will not do it; `fault` is its fault's code and reason, `isTooOld` that it is past the request. */
  | { readonly kind: 'refusal'; readonly fault: string; readonly isTooOld: boolean };

export type PollVerdict =
  | { readonly kind: 'open' }
  | { readonly kind: 'result'; readonly result: RequestResult }
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
  readonly #words = new Map<InitiatorId, FinalAnswer>();
  readonly #needed: number;
  readonly #initiators: number;

  /** `needed` is `f + 1`. */
  constructor(needed: number, initiators: number) {
    this.#needed = needed;
    this.#initiators = initiators;
  }

  /** Counts an initiator's final answer; only its first counts. */
  add(initiator: InitiatorId, word: FinalAnswer): PollVerdict {
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

  get #alike(): NonEmpty<RequestResult> | undefined {
    const results = [...this.#words.values()].flatMap((each) =>
      each.kind === 'outcome' ? [each.result] : [],
    );
    return mostCommon(results, ({ transactionId, outcome }) => `${transactionId} ${outcome}`);
  }

  get #refusals(): readonly Refusal[] {
    return [...this.#words.values()].flatMap((each) => (each.kind === 'refusal' ? [each] : []));
  }

  #refused(): PollVerdict {
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
  #tooOld(outstanding: number): PollVerdict | undefined {
    const [first, ...others] = this.#refusals.filter(({ isTooOld }) => isTooOld);
    if (first === undefined) return undefined;
    const compatible = 1 + others.length + (this.#alike?.length ?? 0);
    if (compatible >= this.#needed) return { kind: 'refused', fault: first.fault, isTooOld: true };
    return compatible + outstanding >= this.#needed ? { kind: 'open' } : undefined;
  }

  /** A reason, or a result, counts like the outcome: only if `f + 1` of those that agree give the same one. */
  #withReason(alike: NonEmpty<RequestResult>): RequestResult {
    const [{ transactionId, outcome }] = alike;
    const said = saidAlike(alike);
    if (said.length < this.#needed) return { transactionId, outcome };
    return { transactionId, outcome, ...said[0] };
  }

  /** Whether those that have not answered yet can make it certain why it was aborted, or what it made. */
  get mayLearnMore(): boolean {
    const alike = this.#alike;
    const known = alike === undefined ? 0 : saidAlike(alike).length;
    const outstanding = this.#initiators - this.#words.size;
    return known > 0 && known < this.#needed && known + outstanding >= this.#needed;
  }
}

type Said = Pick<RequestResult, 'reason' | 'result'>;

/** The reason, or the result, that most of them give, as often as they do. */
function saidAlike(results: readonly RequestResult[]): readonly Said[] {
  const said = results.flatMap(({ reason, result }): Said[] => {
    if (reason !== undefined) return [{ reason }];
    return result === undefined ? [] : [{ result }];
  });
  return mostCommon(said, ({ reason, result }) => `${reason} ${result}`) ?? [];
}

type Refusal = Extract<FinalAnswer, { kind: 'refusal' }>;
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

/** What is needed of an initiator here. */
export interface Askable {
  readonly id: InitiatorId;
  readonly name: string;
}

export interface PollCoreOptions<Member extends Askable> {
  /** `f + 1`: so many are asked at first, and so many must say the same. */
  readonly needed: number;
  readonly turns: Turns<Member>;
  readonly resendAfterMs: number;
  /** For all of it. */
  readonly timeoutMs: number;
}

export type PollEnding =
  | { readonly kind: 'result'; readonly result: RequestResult }
  | {
      readonly kind: 'failure';
      readonly code: RequestErrorCode;
      readonly message: string;
      /** What each initiator said or how it failed; for people. */
      readonly details: readonly string[];
      /** It is too old if those that did not answer never do: `f + 1` know an outcome or call it so. */
      readonly isTooOldSoFar: boolean;
    };

export type PollOutput<Member> =
  /** Ask it once; `answered` or `failed` says what came of it. */
  | { readonly kind: 'ask'; readonly initiator: Member }
  /** `expired` is to be called with the name then. */
  | { readonly kind: 'start-timer'; readonly name: string; readonly delayMs: number }
  /** The last output. */
  | { readonly kind: 'end'; readonly ending: PollEnding };

/** How much later than the deadline the client gives up where an attempt does not end in time. */
const graceMs = 50;
const DEADLINE = 'deadline';
const HESITATION = 'hesitation';
const MORE = 'more';

/**
 * One request to the initiators: to `f + 1` of them, and to all as soon as one of those fails, they differ,
 * or one retransmission delay is over; to each again and again until it has a final answer. Pure: it has no
 * clock and sends nothing. Answers go in, what is to be done comes out.
 *
 * An initiator may receive the abort before the refusal that the others aborted for, and cannot name it. So where an
 * abort is certain and its reason is not, the others have one retransmission delay to name it; likewise for a result.
 */
export class PollCore<Member extends Askable> {
  readonly #options: PollCoreOptions<Member>;
  readonly #first: readonly Member[];
  readonly #others: readonly Member[];
  readonly #matcher: ReplyMatcher;
  readonly #heard = new Set<Member>();
  readonly #said = new Map<Member, string>();
  readonly #attempts = new Map<Member, number>();
  #othersAsked = false;
  /** The outcome, while its reason or its result may still come. */
  #settled: RequestResult | undefined;
  #ended = false;

  constructor(options: PollCoreOptions<Member>) {
    this.#options = options;
    const { needed, turns } = options;
    const line = turns.take();
    this.#first = line.slice(0, needed);
    this.#others = line.slice(needed);
    this.#matcher = new ReplyMatcher(needed, line.length);
  }

  begin(): PollOutput<Member>[] {
    const { resendAfterMs, timeoutMs } = this.#options;
    return [
      { kind: 'start-timer', name: DEADLINE, delayMs: timeoutMs + graceMs },
      { kind: 'start-timer', name: HESITATION, delayMs: resendAfterMs },
      ...this.#first.map((initiator) => ({ kind: 'ask', initiator }) as const),
    ];
  }

  /** Its final answer; only its first counts. */
  answered(initiator: Member, word: FinalAnswer): PollOutput<Member>[] {
    if (this.#ended) return [];
    this.#options.turns.answered(initiator);
    this.#heard.add(initiator);
    this.#said.set(initiator, word.kind === 'refusal' ? word.fault : word.result.outcome);
    const next = this.#judge(this.#matcher.add(initiator.id, word));
    if (next.length > 0) return next;
    return this.#heard.size >= this.#options.needed ? this.#askOthers() : [];
  }

  /** Another attempt is worth it. */
  failed(initiator: Member, problem: string): PollOutput<Member>[] {
    if (this.#ended) return [];
    this.#said.set(initiator, problem);
    this.#options.turns.wasLate(initiator);
    const attempt = this.#attempts.get(initiator) ?? 0;
    this.#attempts.set(initiator, attempt + 1);
    const delayMs = resendDelayMs(this.#options.resendAfterMs, attempt);
    const again = { kind: 'start-timer', name: String(initiator.id), delayMs } as const;
    return [...this.#askOthers(), again];
  }

  expired(name: string): PollOutput<Member>[] {
    if (this.#ended) return [];
    if (name === DEADLINE) return this.#timeIsUp();
    if (name === MORE) return this.#endSettled() ?? [];
    if (name === HESITATION) {
      for (const one of this.#first) if (!this.#heard.has(one)) this.#options.turns.wasLate(one);
      return this.#askOthers();
    }
    const all = [...this.#first, ...this.#others];
    const initiator = all.find(({ id }) => String(id) === name);
    return initiator ? [{ kind: 'ask', initiator }] : [];
  }

  /** The answer is no longer of interest. */
  giveUp(): PollOutput<Member>[] {
    return this.#ended
      ? []
      : (this.#endSettled() ?? this.#fail('timeout', 'given up', this.#details));
  }

  #askOthers(): PollOutput<Member>[] {
    if (this.#othersAsked) return [];
    this.#othersAsked = true;
    return this.#others.map((initiator) => ({ kind: 'ask', initiator }));
  }

  #timeIsUp(): PollOutput<Member>[] {
    const settled = this.#endSettled();
    if (settled) return settled;
    const problem = this.#matcher.isTooOldSoFar
      ? 'an initiator calls the request too old, and too few others answered in time'
      : 'too few initiators answered in time';
    return this.#fail('timeout', problem, this.#details);
  }

  #judge(verdict: PollVerdict): PollOutput<Member>[] {
    switch (verdict.kind) {
      case 'open':
        return [];
      case 'result': {
        const { result } = verdict;
        if (this.#matcher.mayLearnMore) return this.#waitForMore(result);
        return this.#end({ kind: 'result', result });
      }
      case 'refused': {
        const code = verdict.isTooOld ? 'too-old' : 'refused';
        return this.#fail(code, `the initiators refused: ${verdict.fault}`, []);
      }
      case 'disagreement':
        return this.#fail('disagreement', 'the initiators disagree', this.#details);
    }
  }

  #waitForMore(result: RequestResult): PollOutput<Member>[] {
    const isFirst = this.#settled === undefined;
    this.#settled = result;
    const delayMs = this.#options.resendAfterMs;
    const timer = { kind: 'start-timer', name: MORE, delayMs } as const;
    return isFirst ? [...this.#askOthers(), timer] : [];
  }

  #endSettled(): PollOutput<Member>[] | undefined {
    const result = this.#settled;
    return result && this.#end({ kind: 'result', result });
  }

  #fail(code: RequestErrorCode, message: string, details: readonly string[]): PollOutput<Member>[] {
    const { isTooOldSoFar } = this.#matcher;
    return this.#end({ kind: 'failure', code, message, details, isTooOldSoFar });
  }

  #end(ending: PollEnding): PollOutput<Member>[] {
    this.#ended = true;
    return [{ kind: 'end', ending }];
  }

  get #details(): string[] {
    return [...this.#said].map(([{ name }, what]) => `${name}: ${what}`);
  }
}
