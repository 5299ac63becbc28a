import type { OutcomeValue, ParticipantRecord } from '../../agreement/messages.js';
import { invariant, resendDelayMs } from '../../kernel/core.js';
import { type ClientId, oneCorrect, type ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type { OrderingRequest } from '../../ordering/types.js';
import { digestOfTransfers } from '../proof.js';
import { orderingRequest } from '../request.js';
import type { CertifiedOrder, OrderOutcome, OrderStatement, SessionTransfer } from '../types.js';
import type { OpenOrder, OrderContent } from './machine/lanes.js';
import type { SessionOutbox } from './outbox.js';

/**
 * What an order came to, by the outcome that the coordinators agreed on for its transaction. It says
 * nothing that is not in the agreed value, so every replica says the same. A bank's name is in there where
 * its vote against came before the initiators' rollback, and never which account lacked the money.
 */
export function orderOutcome({ outcome, reason, records }: OutcomeValue): OrderOutcome {
  if (outcome === 'commit') return { kind: 'committed' };
  switch (reason) {
    case 'vote': {
      const refusing = records.filter(({ vote }) => vote?.statement.vote === 'aborted');
      return aborted(`refused by ${banks(refusing)}`);
    }
    case 'timeout': {
      const silent = records.filter(({ vote }) => vote === undefined);
      return aborted(
        silent.length > 0 ? `no vote in time from ${banks(silent)}` : 'not completed in time',
      );
    }
    default:
      // The initiators asked for a rollback.
      return aborted('a bank refused it or did not answer in time');
  }
}

function aborted(reason: string): OrderOutcome {
  return { kind: 'aborted', reason };
}

function banks(records: readonly ParticipantRecord[]): string {
  const names = records.map(({ registration }) => registration.statement.participant);
  return [...new Set(names)].sort().join(', ');
}

const TIMER = 'order/';
/** Characters of a reason that are reported. */
const reasonMax = 1000;

interface Lane {
  readonly order: OpenOrder;
  readonly transfers: readonly SessionTransfer[];
  readonly own: Signed<OrderStatement>;
  certified: CertifiedOrder | undefined;
  /** What this replica's coordinator has said. */
  report: OrderingRequest | undefined;
  resends: number;
}

/**
 * Orders that are open: signed by this replica, handed to initiators once `f + 1` have signed, and
 * reported to the others, in the agreed order, when its coordinator knows what became of them.
 */
export class SessionOrders {
  readonly #outbox: SessionOutbox;
  readonly #submit: (request: OrderingRequest) => void;
  readonly #lanes = new Map<number, Lane>();
  /** The last that each other replica signed, by lane. */
  readonly #heard = new Map<ReplicaId, Map<number, Signed<OrderStatement>>>();
  /** Reports that the engine has taken. */
  readonly #reports = new Set<ClientId>();

  constructor(outbox: SessionOutbox, submit: (request: OrderingRequest) => void) {
    this.#outbox = outbox;
    this.#submit = submit;
  }

  get size(): number {
    return this.#lanes.size;
  }

  opened(order: OpenOrder, { owner, transfers }: OrderContent): void {
    const { lane, number } = order;
    if (this.#lanes.get(lane)?.order.number === number) return;
    const digest = digestOfTransfers(transfers);
    invariant(
      number > (this.#lanes.get(lane)?.order.number ?? 0),
      'orders of a lane follow one another',
    );
    const own = this.#outbox.sign({ kind: 'order', lane, number, owner, transfers: digest });
    const opened = { order, transfers, own, certified: undefined, report: undefined, resends: 0 };
    this.#lanes.set(lane, opened);
    this.#outbox.broadcast({ kind: 'order', order: own });
    this.#outbox.output({ kind: 'watch-order', lane, number, transfers: digest });
    this.#outbox.startTimer(`${TIMER}${lane}`, this.#outbox.options.resendAfterMs);
    this.#check(opened);
  }

  closed({ lane, number }: OpenOrder): void {
    const open = this.#lanes.get(lane);
    if (open?.order.number !== number) return;
    this.#lanes.delete(lane);
    if (open.report) this.#reports.delete(open.report.client);
    this.#outbox.stopTimer(`${TIMER}${lane}`);
  }

  /** The state has jumped. */
  reset(): void {
    for (const { order } of [...this.#lanes.values()]) this.closed(order);
  }

  onOrder(from: ReplicaId, signed: Signed<OrderStatement>): void {
    const { lane, number } = signed.statement;
    const heard = this.#heard.get(from) ?? new Map<number, Signed<OrderStatement>>();
    if ((heard.get(lane)?.statement.number ?? 0) > number) return;
    this.#heard.set(from, heard.set(lane, signed));
    const open = this.#lanes.get(lane);
    if (open) this.#check(open);
  }

  onFetch(from: ReplicaId, lane: number, number: number): void {
    const open = this.#lanes.get(lane);
    if (open?.order.number === number) {
      this.#outbox.send(from, { kind: 'order', order: open.own });
    }
  }

  greet(replica: ReplicaId): void {
    for (const { own } of this.#lanes.values()) {
      this.#outbox.send(replica, { kind: 'order', order: own });
    }
  }

  /** This replica's coordinator says what became of an order. */
  onEnded(lane: number, number: number, outcome: OrderOutcome): void {
    const open = this.#lanes.get(lane);
    if (open?.order.number !== number || open.report) return;
    const { self: replica } = this.#outbox.options;
    const bounded: OrderOutcome =
      outcome.kind === 'aborted'
        ? { kind: 'aborted', reason: outcome.reason.slice(0, reasonMax) }
        : outcome;
    const report = this.#outbox.sign({
      kind: 'order-report',
      ...{ lane, number, outcome: bounded, replica },
    });
    open.report = orderingRequest({ kind: 'report', report });
    this.#reports.add(open.report.client);
    this.#submit(open.report);
  }

  /** Returns whether the request was a report. `busy`: the timer hands it in again. */
  refused({ client }: OrderingRequest): boolean {
    return this.#reports.delete(client);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (!name.startsWith(TIMER)) return false;
    const open = this.#lanes.get(Number(name.slice(TIMER.length)));
    if (!open) return true;
    const { lane, number } = open.order;
    open.resends += 1;
    if (open.report && !this.#reports.has(open.report.client)) {
      this.#reports.add(open.report.client);
      this.#submit(open.report);
    }
    if (open.certified) {
      if (!open.report) this.#outbox.output({ kind: 'run-order', order: open.certified });
    } else {
      this.#outbox.broadcast({ kind: 'order', order: open.own });
      this.#outbox.askFor({ kind: 'order', lane, number });
    }
    this.#again(open);
    return true;
  }

  #check(open: Lane): void {
    if (open.certified) return;
    const { statement, bytes, signature } = open.own;
    const { self, resilience } = this.#outbox.options;
    const alike = [...this.#heard].flatMap(([replica, heard]) => {
      const signed = heard.get(statement.lane);
      const isSame =
        signed?.statement.number === statement.number &&
        signed.statement.owner === statement.owner &&
        signed.statement.transfers === statement.transfers;
      return isSame ? [{ replica, signature: signed.signature }] : [];
    });
    if (alike.length + 1 < oneCorrect(resilience)) return;
    const signatures = [{ replica: self, signature }, ...alike].sort(
      (a, b) => a.replica - b.replica,
    );
    open.certified = { transfers: open.transfers, certificate: { statement, bytes, signatures } };
    open.resends = 0;
    const rank = this.#rank(open);
    if (rank === 0) this.#outbox.output({ kind: 'run-order', order: open.certified });
    this.#again(open);
  }

  /** The replica that was handed the operations begins; the others follow one by one. */
  #rank({ order }: Lane): number {
    const { self, resilience } = this.#outbox.options;
    return (self - order.submitter + resilience.n) % resilience.n;
  }

  #again(open: Lane): void {
    const { resendAfterMs, orderAgainMs } = this.#outbox.options;
    const delayMs = !open.certified
      ? resendDelayMs(resendAfterMs, open.resends)
      : open.resends === 0 && this.#rank(open) > 0
        ? orderAgainMs * this.#rank(open)
        : resendDelayMs(orderAgainMs, open.resends);
    this.#outbox.startTimer(`${TIMER}${open.order.lane}`, delayMs);
  }
}
