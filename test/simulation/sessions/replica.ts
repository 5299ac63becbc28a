import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import type { ReplyId, SessionInput, SessionOutput } from '../../../src/session/core/outbox.js';
import type { SessionReplica } from '../../../src/session/core/session-replica.js';
import type { SessionMessage } from '../../../src/session/message.js';
import type { CertifiedOrder } from '../../../src/session/types.js';
import { Deferred } from '../engine/deferred.js';
import type { Host, Life } from '../engine/process.js';
import { SimDriver } from '../engine/sim-driver.js';
import { replicaAt } from '../kit/cast.js';
import type { BankOutcome } from './bank.js';
import type { Answer, Question, SessionPacket } from './packets.js';
import type { SessionsReader } from './reader.js';

/** What a run needs of a core. */
export type SessionCore = Pick<SessionReplica, 'restore' | 'handle' | 'metrics'>;

/** A replica asks its coordinator so often what became of an order. */
const WATCH_MS = 100;

export interface SessionPartyOptions {
  readonly host: Host;
  readonly self: ReplicaId;
  readonly n: number;
  readonly core: SessionCore;
  /** What the core does in memory, until it is on disk. */
  readonly deferred: Deferred;
  readonly reader: SessionsReader;
  readonly sendOrdering: (to: ReplicaId, message: OrderingMessage) => void;
  readonly sendSession: (to: ReplicaId, message: SessionMessage) => void;
  readonly sendAnswer: (to: string, call: number, answer: Answer) => void;
  /** False swallows it. */
  readonly takes: (from: ReplicaId, message: OrderingMessage | SessionMessage) => boolean;
  readonly asked: (question: Question, client: string) => Answer | null | undefined;
  readonly ended: (input: OrderEnded) => OrderEnded;
  readonly extraMs: () => number;
  readonly runOrder: (order: CertifiedOrder) => void;
  readonly outcomeOf: (lane: number, number: number) => BankOutcome | undefined;
  readonly log: (event: string, data: object) => void;
}

type OrderEnded = Extract<SessionInput, { kind: 'order-ended' }>;

/** A session replica behind links, as its edge runs it. */
export class SessionParty implements Life<SessionPacket> {
  readonly core: SessionCore;
  readonly #options: SessionPartyOptions;
  readonly #driver: SimDriver<SessionInput, SessionOutput>;
  readonly #waiting = new Map<ReplyId, { readonly client: string; readonly call: number }>();
  #replies = 0;

  constructor(options: SessionPartyOptions) {
    this.#options = options;
    this.core = options.core;
    this.#driver = new SimDriver({
      core: options.deferred.around(options.core as never),
      host: options.host,
      perform: (output: SessionOutput) => this.#perform(output),
      log: (note) => {
        if (!Deferred.tells(note)) options.log(note.event, note.data);
      },
    });
    this.#driver.start();
  }

  get load(): { readonly timers: number; readonly outputs: number } {
    return this.#driver.load;
  }

  linked(other: string): void {
    const replica = replicaAt(other);
    if (replica !== undefined) this.#driver.submit({ kind: 'peer-up', replica });
  }

  receive(from: string, packet: SessionPacket): void {
    const extraMs = this.#options.extraMs();
    if (extraMs > 0) this.#options.host.after(extraMs, () => this.#take(from, packet));
    else this.#take(from, packet);
  }

  #take(from: string, packet: SessionPacket): void {
    if (packet.kind === 'question') return this.#onQuestion(from, packet.call, packet.question);
    const { reader, takes, host } = this.#options;
    const replica = replicaAt(from);
    if (replica === undefined || packet.kind === 'answer') return;
    const nowMs = host.nowMs();
    if (packet.kind === 'ordering') {
      const said = reader.ordering.read(packet.bytes);
      if (!said || !takes(replica, said)) return;
      const message = reader.ordering.verify(replica, packet.bytes);
      if (message) this.#driver.submit({ kind: 'ordering', message, nowMs });
      return;
    }
    const said = reader.session(packet.bytes);
    if (!said || !takes(replica, said)) return;
    const message = reader.verifySession(replica, packet.bytes);
    if (message) this.#driver.submit({ kind: 'session', message, nowMs });
  }

  #onQuestion(client: string, call: number, question: Question): void {
    const { asked, sendAnswer, host } = this.#options;
    const own = asked(question, client);
    if (own === null) return;
    if (own) return sendAnswer(client, call, own);
    this.#replies += 1;
    const replyId = this.#replies as ReplyId;
    this.#waiting.set(replyId, { client, call });
    this.#driver.submit({ ...question, replyId, nowMs: host.nowMs() } as SessionInput);
  }

  #perform(output: SessionOutput): void {
    const { sendOrdering, sendSession, runOrder } = this.#options;
    switch (output.kind) {
      case 'send-ordering':
        return sendOrdering(output.to, output.message);
      case 'broadcast-ordering':
        for (const to of this.#others) sendOrdering(to, output.message);
        return;
      case 'send-session':
        return sendSession(output.to, output.message);
      case 'broadcast-session':
        for (const to of this.#others) sendSession(to, output.message);
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
    const waiting = this.#waiting.get(answer.replyId);
    this.#waiting.delete(answer.replyId);
    if (waiting) this.#options.sendAnswer(waiting.client, waiting.call, answer);
  }

  #watch(lane: number, number: number): void {
    const { host, outcomeOf, ended } = this.#options;
    host.after(WATCH_MS, () => {
      const outcome = outcomeOf(lane, number);
      if (outcome === undefined) return this.#watch(lane, number);
      const nowMs = host.nowMs();
      this.#driver.submit(ended({ kind: 'order-ended', lane, number, outcome, nowMs }));
    });
  }

  get #others(): ReplicaId[] {
    const { n, self } = this.#options;
    return Array.from({ length: n }, (_, index) => index as ReplicaId).filter((it) => it !== self);
  }
}
