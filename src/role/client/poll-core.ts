import { resendDelayMs } from '../../core/effects.js';
import type { InitiatorId } from '../../vocabulary/ids.js';
import { type FinalWord, ReplyMatcher, type TransferResult, type Verdict } from './matching.js';
import type { TransferErrorCode } from './transfer-error.js';
import type { Turns } from './turns.js';

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
  | { readonly kind: 'result'; readonly result: TransferResult }
  | {
      readonly kind: 'failure';
      readonly code: TransferErrorCode;
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

/**
 * One request to the initiators: to `f + 1` of them, and to all as soon as one of those fails, they differ,
 * or one retransmission delay is over; to each again and again until it has a final word. Pure: it has no
 * clock and sends nothing. What it is told goes in, what is to be done comes out.
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

  /** Its final word; it has only one. */
  answered(initiator: Member, word: FinalWord): PollOutput<Member>[] {
    if (this.#ended) return [];
    this.#options.turns.answered(initiator);
    this.#heard.add(initiator);
    this.#said.set(initiator, word.kind === 'refusal' ? word.fault : word.result.outcome);
    const ended = this.#judge(this.#matcher.add(initiator.id, word));
    if (ended.length > 0) return ended;
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
    return this.#ended ? [] : this.#fail('timeout', 'given up', this.#details);
  }

  #askOthers(): PollOutput<Member>[] {
    if (this.#othersAsked) return [];
    this.#othersAsked = true;
    return this.#others.map((initiator) => ({ kind: 'ask', initiator }));
  }

  #timeIsUp(): PollOutput<Member>[] {
    const problem = this.#matcher.isTooOldSoFar
      ? 'an initiator calls the request too old, and too few others answered in time'
      : 'too few initiators answered in time';
    return this.#fail('timeout', problem, this.#details);
  }

  #judge(verdict: Verdict): PollOutput<Member>[] {
    switch (verdict.kind) {
      case 'open':
        return [];
      case 'result':
        return this.#end({ kind: 'result', result: verdict.result });
      case 'refused': {
        const code = verdict.isTooOld ? 'too-old' : 'refused';
        return this.#fail(code, `the initiators refused: ${verdict.fault}`, []);
      }
      case 'disagreement':
        return this.#fail('disagreement', 'the initiators disagree', this.#details);
    }
  }

  #fail(
    code: TransferErrorCode,
    message: string,
    details: readonly string[],
  ): PollOutput<Member>[] {
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
