import { resendDelayMs } from '../../src/core/effects.js';
import type { Transfer } from '../../src/edge/soap/banking.js';
import { ReplyMatcher, type Verdict } from '../../src/role/client/matching.js';
import { clientId } from '../../src/vocabulary/ids.js';
import { oneCorrect } from '../../src/vocabulary/quorum.js';
import type { Host, Life } from '../engine/process.js';
import { Calls } from './calls.js';
import { type Cast, initiatorAddress } from './cast.js';
import { type Mail, SeenMessages } from './mail.js';
import { isReply, type Packet, type Reply } from './packets.js';

/** An order and when to give it, after the one before has ended. */
export interface Errand {
  readonly afterMs: number;
  readonly order: Transfer;
}

export interface ClientPartyOptions {
  readonly cast: Cast;
  readonly mail: Mail;
  readonly host: Host;
  readonly address: string;
  readonly errands: readonly Errand[];
  /** Told what is asked, and what `f + 1` initiators answered alike, or why there is no answer. */
  readonly onAsked: (timestamp: number, order: Transfer) => void;
  readonly onVerdict: (
    timestamp: number,
    order: Transfer,
    verdict: Exclude<Verdict, { kind: 'open' }>,
  ) => void;
}

/** A call is given up, and the next one made, after so many times the time for a vote. */
const patience = 2;

/**
 * A client: asks all initiators, again and again with the same request, and believes what `f + 1` of
 * them say (`src/role/client`; the matching is the production code).
 */
export class ClientParty implements Life<Packet> {
  readonly load = { timers: 0, outputs: 0 };
  readonly #options: ClientPartyOptions;
  readonly #calls: Calls;
  readonly #seen = new SeenMessages();
  readonly #errands: Errand[];
  #lastTimestamp = 0;

  constructor(options: ClientPartyOptions) {
    this.#options = options;
    this.#calls = new Calls(options.host, options.mail);
    this.#errands = [...options.errands];
    this.#next();
  }

  linked(): void {}

  receive(from: string, packet: Packet, id: number): void {
    if (this.#seen.isNew(packet, id) && isReply(packet)) this.#calls.answered(from, packet);
  }

  #next(): void {
    const errand = this.#errands.shift();
    if (errand) this.#options.host.after(errand.afterMs, () => this.#ask(errand.order));
  }

  #ask(order: Transfer): void {
    const { cast, host, onAsked, onVerdict } = this.#options;
    const { resilience, initiators } = cast.cluster;
    const timestamp = Math.max(Math.floor(host.nowMs() * 1000), this.#lastTimestamp + 1);
    this.#lastTimestamp = timestamp;
    onAsked(timestamp, order);
    const matcher = new ReplyMatcher(oneCorrect(resilience), initiators.length);
    let isOpen = true;
    for (const { id } of initiators) {
      const asking = {
        to: initiatorAddress(id),
        timestamp,
        order,
        isOpen: () => isOpen,
        onWord: (word: Parameters<ReplyMatcher['add']>[1]) => {
          const verdict = matcher.add(id, word);
          if (verdict.kind === 'open' || !isOpen) return;
          isOpen = false;
          onVerdict(timestamp, order, verdict);
          this.#next();
        },
      };
      this.#askOne(asking, 0);
    }
  }

  #askOne(asking: Asking, attempt: number): void {
    const { cast, host, address } = this.#options;
    const { timing } = cast.cluster;
    const { to, timestamp, order } = asking;
    const request = { kind: 'transfer', client: clientId(address), timestamp, order } as const;
    this.#calls.request(to, request, patience * timing.voteTimeoutMs, (reply) => {
      const word = wordOf(reply);
      if (word !== undefined) return asking.onWord(word);
      host.after(resendDelayMs(timing.resendAfterMs, attempt), () => {
        if (asking.isOpen()) this.#askOne(asking, attempt + 1);
      });
    });
  }
}

interface Asking {
  readonly to: string;
  readonly timestamp: number;
  readonly order: Transfer;
  isOpen(): boolean;
  onWord(word: Parameters<ReplyMatcher['add']>[1]): void;
}

/** Undefined where another attempt is worth it. */
function wordOf(reply: Reply | undefined): Parameters<ReplyMatcher['add']>[1] | undefined {
  if (reply?.kind === 'transferred') {
    const { tid: transactionId, outcome, reason } = reply;
    const result = { transactionId, outcome, ...(reason === undefined ? {} : { reason }) };
    return { kind: 'outcome', result };
  }
  if (reply?.kind !== 'fault' || reply.isForNow) return undefined;
  return { kind: 'refusal', fault: reply.code, isTooOld: reply.code === 'stale' };
}
