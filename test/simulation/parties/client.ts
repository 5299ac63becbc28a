import type { Transfer } from '../../../src/banking/soap.js';
import type { InitiatorMember } from '../../../src/kernel/cluster.js';
import { clientId, oneCorrect } from '../../../src/kernel/ids.js';
import { Turns } from '../../../src/kernel/patience.js';
import {
  type FinalAnswer,
  PollCore,
  type PollEnding,
  type PollOutput,
  type PollVerdict,
} from '../../../src/service/client/poll-core.js';
import type { Host, Life } from '../engine/process.js';
import { type Cast, initiatorAddress } from '../kit/cast.js';
import { Calls } from './calls.js';
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
    verdict: Exclude<PollVerdict, { kind: 'open' }>,
  ) => void;
  /** Told that a request got no answer in time, or answers that differ. */
  readonly onAskedAgain: () => void;
}

/** A call is given up, and the next one made, after so many times the time for a vote. */
const patience = 2;
/** A request that is too old so far is, when it was asked for so often. */
const tooOldTimes = 3;
/** A request that has no answer after so many times the time for a vote is asked for again. */
const timeoutVotes = 6;

/** A client: the production logic of `TransferClient`, which asks for a request until it knows how it ended. */
export class ClientParty implements Life<Packet> {
  readonly load = { timers: 0, outputs: 0 };
  readonly #options: ClientPartyOptions;
  readonly #calls: Calls;
  readonly #seen = new SeenMessages();
  readonly #errands: Errand[];
  readonly #turns: Turns<InitiatorMember>;
  #lastTimestamp = 0;

  constructor(options: ClientPartyOptions) {
    this.#options = options;
    this.#calls = new Calls(options.host, options.mail);
    this.#errands = [...options.errands];
    this.#turns = new Turns(options.cast.cluster.initiators);
    this.#next();
  }

  linked(): void {}

  receive(from: string, packet: Packet, id: number): void {
    if (this.#seen.isNew(packet, id) && isReply(packet)) this.#calls.answered(from, packet);
  }

  #next(): void {
    const errand = this.#errands.shift();
    if (errand) this.#options.host.after(errand.afterMs, () => this.#transfer(errand.order));
  }

  #transfer(order: Transfer): void {
    const { host, onAsked } = this.#options;
    const timestamp = Math.max(Math.floor(host.nowMs() * 1000), this.#lastTimestamp + 1);
    this.#lastTimestamp = timestamp;
    onAsked(timestamp, order);
    this.#ask({ timestamp, order }, 1);
  }

  #ask(asking: Asking, times: number): void {
    const { resilience, timing } = this.#options.cast.cluster;
    const core = new PollCore({
      needed: oneCorrect(resilience),
      turns: this.#turns,
      resendAfterMs: timing.resendAfterMs,
      timeoutMs: timeoutVotes * timing.voteTimeoutMs,
    });
    const perform = (outputs: readonly PollOutput<InitiatorMember>[]): void => {
      for (const output of outputs) {
        if (output.kind === 'ask') {
          const { initiator } = output;
          this.#askOne(initiator, asking, (word) =>
            perform(word ? core.answered(initiator, word) : core.failed(initiator, 'no answer')),
          );
        } else if (output.kind === 'start-timer') {
          this.#options.host.after(output.delayMs, () => perform(core.expired(output.name)));
        } else this.#ended(asking, output.ending, times);
      }
    };
    perform(core.begin());
  }

  /** A request whose outcome is open is asked for again (`TransferClient.ask`). */
  #ended(asking: Asking, ending: PollEnding, times: number): void {
    const { onVerdict, onAskedAgain } = this.#options;
    const verdict = verdictOf(ending, times);
    if (verdict === undefined) {
      onAskedAgain();
      return this.#ask(asking, times + 1);
    }
    onVerdict(asking.timestamp, asking.order, verdict);
    this.#next();
  }

  #askOne(
    { id }: InitiatorMember,
    { timestamp, order }: Asking,
    settle: (word: FinalAnswer | undefined) => void,
  ): void {
    const { cast, address } = this.#options;
    const timeoutMs = patience * cast.cluster.timing.voteTimeoutMs;
    const request = { kind: 'transfer', client: clientId(address), timestamp, order } as const;
    this.#calls.request(initiatorAddress(id), request, timeoutMs, (reply) => settle(wordOf(reply)));
  }
}

interface Asking {
  readonly timestamp: number;
  readonly order: Transfer;
}

/** Undefined where the outcome is open. */
function verdictOf(
  ending: PollEnding,
  times: number,
): Exclude<PollVerdict, { kind: 'open' }> | undefined {
  if (ending.kind === 'result') return ending;
  const { code, message, isTooOldSoFar } = ending;
  const isTooOld = code === 'too-old' || (isTooOldSoFar && times >= tooOldTimes);
  return isTooOld || code === 'refused' ? { kind: 'refused', fault: message, isTooOld } : undefined;
}

/** Undefined where another attempt is worth it. */
function wordOf(reply: Reply | undefined): FinalAnswer | undefined {
  if (reply?.kind === 'transferred') {
    const { tid: transactionId, outcome, reason } = reply;
    const result = { transactionId, outcome, ...(reason === undefined ? {} : { reason }) };
    return { kind: 'outcome', result };
  }
  if (reply?.kind !== 'fault' || reply.isForNow) return undefined;
  return { kind: 'refusal', fault: reply.code, isTooOld: reply.code === 'stale' };
}
