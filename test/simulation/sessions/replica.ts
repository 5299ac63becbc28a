import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import type {
  SessionInput,
  SessionOutput,
  SessionReplyId,
} from '../../../src/session/core/outbox.js';
import type { SessionReplica } from '../../../src/session/core/session-replica.js';
import type { SessionMessage } from '../../../src/session/message.js';
import type { CertifiedOrder } from '../../../src/session/types.js';
import { replicaAt } from '../kit/cast.js';
import { Callers } from '../kit/party.js';
import { ReplicaParty, type ReplicaPartyOptions } from '../ordering/replica-party.js';
import type { BankOutcome } from './bank.js';
import type { Answer, Question, SessionPacket } from './packets.js';
import type { SessionsReader } from './reader.js';

/** What a run needs of a core. */
export type SessionCore = Pick<SessionReplica, 'restore' | 'handle' | 'metrics'>;

/** A replica asks its coordinator so often what became of an order. */
const WATCH_MS = 100;

export interface SessionPartyOptions extends ReplicaPartyOptions {
  readonly core: SessionCore;
  readonly reader: SessionsReader;
  readonly sendOrdering: (to: ReplicaId, message: OrderingMessage) => void;
  readonly sendSession: (to: ReplicaId, message: SessionMessage) => void;
  readonly sendAnswer: (to: string, call: number, answer: Answer) => void;
  /** False swallows it. */
  readonly takes: (from: ReplicaId, message: OrderingMessage | SessionMessage) => boolean;
  readonly asked: (question: Question, client: string) => Answer | null | undefined;
  readonly ended: (input: OrderEnded) => OrderEnded;
  readonly runOrder: (order: CertifiedOrder) => void;
  readonly outcomeOf: (lane: number, number: number) => BankOutcome | undefined;
}

type OrderEnded = Extract<SessionInput, { kind: 'order-ended' }>;

/** A session replica behind links, as its edge runs it. */
export class SessionParty extends ReplicaParty<SessionPacket, SessionInput, SessionOutput> {
  readonly core: SessionCore;
  readonly #options: SessionPartyOptions;
  readonly #callers = new Callers<SessionReplyId>();

  constructor(options: SessionPartyOptions) {
    super(options, options.core as never);
    this.#options = options;
    this.core = options.core;
    this.start();
  }

  protected take(from: string, packet: SessionPacket): void {
    if (packet.kind === 'question') return this.#onQuestion(from, packet.call, packet.question);
    const { reader, takes } = this.#options;
    const replica = replicaAt(from);
    if (replica === undefined || packet.kind === 'answer') return;
    const nowMs = this.host.nowMs();
    if (packet.kind === 'ordering') {
      const said = reader.ordering.read(packet.bytes);
      if (!said || !takes(replica, said)) return;
      const message = reader.ordering.verify(replica, packet.bytes);
      if (message) this.submit({ kind: 'ordering', message, nowMs });
      return;
    }
    const said = reader.session.read(packet.bytes);
    if (!said || !takes(replica, said)) return;
    const message = reader.session.verify(replica, packet.bytes);
    if (message) this.submit({ kind: 'session', message, nowMs });
  }

  #onQuestion(client: string, call: number, question: Question): void {
    const { asked, sendAnswer } = this.#options;
    const own = asked(question, client);
    if (own === null) return;
    if (own) return sendAnswer(client, call, own);
    const replyId = this.#callers.add({ to: client, call });
    this.submit({ ...question, replyId, nowMs: this.host.nowMs() } as SessionInput);
  }

  protected perform(output: SessionOutput): void {
    const { sendOrdering, sendSession, runOrder } = this.#options;
    switch (output.kind) {
      case 'send-ordering':
        return sendOrdering(output.to, output.message);
      case 'broadcast-ordering':
        for (const to of this.others) sendOrdering(to, output.message);
        return;
      case 'send-session':
        return sendSession(output.to, output.message);
      case 'broadcast-session':
        for (const to of this.others) sendSession(to, output.message);
        return;
      case 'run-order':
        return runOrder(output.order);
      case 'watch-order':
        return this.#watch(output.lane, output.number);
      case 'answer':
      case 'refused':
      case 'attested':
      case 'proved':
        return this.#answer(output);
      default:
        return;
    }
  }

  #answer(answer: Answer): void {
    const caller = this.#callers.take(answer.replyId);
    if (caller) this.#options.sendAnswer(caller.to, caller.call, answer);
  }

  #watch(lane: number, number: number): void {
    const { outcomeOf, ended } = this.#options;
    this.host.after(WATCH_MS, () => {
      const outcome = outcomeOf(lane, number);
      if (outcome === undefined) return this.#watch(lane, number);
      const nowMs = this.host.nowMs();
      this.submit(ended({ kind: 'order-ended', lane, number, outcome, nowMs }));
    });
  }
}
