import type { TimerInput } from '../../src/kernel/core.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { verifyOrderingMessage } from '../../src/ordering/check-message.js';
import { orderingDefaults } from '../../src/ordering/core/engine.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import type { OrderingMessage } from '../../src/ordering/types.js';
import {
  type SessionOptions,
  type SessionTimings,
  sessionDefaults,
} from '../../src/session/core/application.js';
import type {
  OperationStatus,
  SessionInput,
  SessionOutput,
  SessionReplyId,
} from '../../src/session/core/outbox.js';
import { SessionReplica } from '../../src/session/core/session-replica.js';
import {
  decodeSessionMessage,
  encodeSessionMessage,
  type SessionMessage,
  verifySessionMessage,
} from '../../src/session/message.js';
import { verifyRun } from '../../src/session/owners.js';
import { sessionRequestCheck } from '../../src/session/request.js';
import type {
  CertifiedOrder,
  SessionId,
  SessionRun,
  VerifiedRun,
} from '../../src/session/types.js';
import { productionEngines } from '../simulation/ordering/engines.js';
import { mulberry32 } from './core-rig.js';
import { linkUp, RigProcess } from './rig-process.js';
import { type SessionParties, sessionParties } from './session-owner.js';
import { RigTime } from './virtual-time.js';
import { WordApplication } from './word-application.js';

export type EngineKind = 'antipaxos' | 'fab' | 'pbft';

/** What may happen to a message on its way. An empty list drops it. */
export type SessionTamper = (
  from: number,
  to: number,
  message: SessionMessage,
) => readonly SessionMessage[];

export interface SessionRigOptions {
  readonly engine?: EngineKind;
  readonly n?: number;
  readonly f?: number;
  readonly seed?: number;
  readonly timings?: Partial<SessionTimings>;
  readonly checkpointInterval?: number;
  readonly retained?: number;
}

export type AnswerOutput = Extract<
  SessionOutput,
  { readonly kind: 'answer' | 'refused' | 'proved' | 'attested' }
>;

interface Replica {
  readonly process: RigProcess<SessionInput, SessionOutput, SessionReplica>;
  readonly store: Map<string, Uint8Array>;
  application: WordApplication;
}

/** What becomes of an order: decided once, told to every replica that watches it. */
export type Bank = (order: CertifiedOrder) => 'committed' | { readonly aborted: string };

/** Session replicas on one queue of events, in virtual time, from one seed, with real bytes and keys. */
export class SessionRig {
  readonly parties: SessionParties;
  readonly time = new RigTime(1000);
  /** Everything but messages, storage and timers, by replica. */
  readonly outputs: SessionOutput[][] = [];
  readonly refused: string[] = [];
  /** Orders that initiators were asked for, in the order in which they came, each once. */
  readonly orders: CertifiedOrder[] = [];
  bank: Bank = () => 'committed';
  tamper: SessionTamper = (_from, _to, message) => [message];
  tamperOrdering: (
    from: number,
    to: number,
    message: OrderingMessage,
  ) => readonly OrderingMessage[] = (_from, _to, message) => [message];
  /** Sees all outputs of one step in their order, before any is performed. */
  onStep: (replica: number, outputs: readonly SessionOutput[]) => void = () => {};
  latencyMaxMs = 5;
  lossRate = 0;
  readonly #options: SessionRigOptions;
  readonly #replicas: Replica[] = [];
  readonly #random: () => number;
  readonly #isGenuine: ReturnType<typeof sessionRequestCheck>;
  readonly #outcomes = new Map<string, ReturnType<Bank>>();
  #replies = 0;

  constructor(options: SessionRigOptions = {}) {
    this.#options = options;
    this.#random = mulberry32(options.seed ?? 1);
    this.parties = sessionParties({ n: options.n ?? 4, f: options.f ?? 1 });
    this.#isGenuine = sessionRequestCheck(this.parties.keyring, this.parties.owners);
    for (let replica = 0; replica < this.n; replica += 1) {
      this.#replicas.push(this.#newReplica(replica));
      this.outputs.push([]);
    }
    for (let replica = 0; replica < this.n; replica += 1) this.start(replica);
  }

  get n(): number {
    return this.parties.cluster.resilience.n;
  }

  random(): number {
    return this.#random();
  }

  get alive(): readonly number[] {
    return this.#replicas.flatMap(({ process }, replica) => (process.core ? [replica] : []));
  }

  core(replica: number): SessionReplica {
    const { core } = this.#replica(replica).process;
    if (!core) throw new Error(`replica ${replica} is down`);
    return core;
  }

  store(replica: number): Map<string, Uint8Array> {
    return this.#replica(replica).store;
  }

  application(replica: number): WordApplication {
    return this.#replica(replica).application;
  }

  /** Starts a replica from its store. */
  start(replica: number): void {
    const started = this.#replica(replica);
    started.application = new WordApplication();
    started.process.start(new SessionReplica(this.#coreOptions(replica, started.application)));
    linkUp(replica, this.alive, (one, other) =>
      this.input(one, { kind: 'peer-up', replica: other as ReplicaId }),
    );
  }

  crash(replica: number): void {
    this.#replica(replica).process.stop();
  }

  /** It crashes in the middle of a step: what comes later in the outputs is lost. */
  crashAfterOutputs(replica: number, count: number): void {
    this.#replica(replica).process.crashAfterOutputs(count);
  }

  /** Hands a run in as a client does; returns what comes back in the same step. */
  run(replica: number, run: SessionRun, commit = false): AnswerOutput | undefined {
    const verified = this.verified(run);
    return this.ask(replica, { kind: 'run', run: verified, commit });
  }

  verified(run: SessionRun): VerifiedRun {
    const result = verifyRun(this.parties.owners, run);
    if (!result.ok) throw new Error(`not a run: ${JSON.stringify(result.error)}`);
    return result.value;
  }

  /** Asks a replica; returns its answer if it comes in the same step. */
  ask(replica: number, question: Question): AnswerOutput | undefined {
    const replyId = this.askLater(replica, question);
    return this.answerTo(replica, replyId);
  }

  askLater(replica: number, question: Question): SessionReplyId {
    this.#replies += 1;
    const replyId = this.#replies as SessionReplyId;
    this.input(replica, { ...question, replyId, nowMs: this.time.nowMs } as SessionInput);
    return replyId;
  }

  answerTo(replica: number, replyId: SessionReplyId): AnswerOutput | undefined {
    return this.outputs[replica]?.find(
      (output): output is AnswerOutput => 'replyId' in output && output.replyId === replyId,
    );
  }

  /** Where an operation stands at a replica. */
  status(replica: number, session: SessionId, sequence: number): OperationStatus | undefined {
    const answer = this.ask(replica, { kind: 'status', session, from: sequence });
    if (answer?.kind !== 'answer') return undefined;
    return answer.statuses.find((one) => one.sequence === sequence)?.status;
  }

  /** Whether the operation is final at all these replicas. */
  isFinal(session: SessionId, sequence: number, replicas = this.alive): boolean {
    return replicas.every((replica) => {
      const status = this.status(replica, session, sequence);
      return status !== undefined && 'proof' in status;
    });
  }

  input(replica: number, input: SessionInput | TimerInput): void {
    this.#replica(replica).process.input(input);
  }

  runUntil(condition: () => boolean, limitMs = 60_000): void {
    this.time.runUntil(condition, limitMs);
  }

  runFor(durationMs: number): void {
    this.time.runFor(durationMs);
  }

  /** Puts a message of `from` on its way, whoever made it. */
  transmit(from: number, to: number, message: SessionMessage): void {
    const bytes = encodeSessionMessage(message);
    this.#carry(() => {
      const decoded = decodeSessionMessage(this.parties.cluster.id, bytes);
      const { keyring, owners } = this.parties;
      const result = verifySessionMessage(keyring, owners, from as ReplicaId, decoded);
      const { nowMs } = this.time;
      if (result.ok) this.input(to, { kind: 'session', message: result.value, nowMs });
      else this.refused.push(`${from}->${to} ${message.kind}: ${JSON.stringify(result.error)}`);
    });
  }

  transmitOrdering(from: number, to: number, message: OrderingMessage): void {
    const bytes = encodeOrderingMessage(message);
    this.#carry(() => {
      const decoded = decodeOrderingMessage(this.parties.cluster.id, bytes);
      const { keyring } = this.parties;
      const result = verifyOrderingMessage(keyring, this.#isGenuine, from as ReplicaId, decoded);
      const { nowMs } = this.time;
      if (result.ok) this.input(to, { kind: 'ordering', message: result.value, nowMs });
      else this.refused.push(`${from}->${to} ${message.kind}: ${JSON.stringify(result.error)}`);
    });
  }

  #carry(deliver: () => void): void {
    if (this.lossRate > 0 && this.#random() < this.lossRate) return;
    this.time.after(1 + Math.floor(this.#random() * this.latencyMaxMs), deliver);
  }

  #newReplica(replica: number): Replica {
    const store = new Map<string, Uint8Array>();
    const process = new RigProcess<SessionInput, SessionOutput, SessionReplica>({
      time: this.time,
      store: () => store,
      onStep: (outputs) => this.onStep(replica, outputs),
      perform: (output) => this.#perform(replica, output),
      onTimer: (input) => this.input(replica, input),
      crash: () => this.crash(replica),
    });
    return { process, store, application: new WordApplication() };
  }

  #perform(replica: number, output: SessionOutput): void {
    switch (output.kind) {
      case 'send-session':
        return this.#send(replica, output.to, output.message);
      case 'broadcast-session':
        return this.#toOthers(replica, (to) => this.#send(replica, to, output.message));
      case 'send-ordering':
        return this.#sendOrdering(replica, output.to, output.message);
      case 'broadcast-ordering':
        return this.#toOthers(replica, (to) => this.#sendOrdering(replica, to, output.message));
      case 'watch-order':
        return this.#watch(replica, output.lane, output.number);
      case 'run-order':
        return this.#runOrder(output.order);
      default:
        this.outputs[replica]?.push(output);
    }
  }

  /** Initiators act on an order once; coordinators tell their replicas when it is over. */
  #runOrder(order: CertifiedOrder): void {
    const { lane, number } = order.certificate.statement;
    const key = `${lane}/${number}`;
    if (this.#outcomes.has(key)) return;
    this.orders.push(order);
    this.#outcomes.set(key, this.bank(order));
  }

  #watch(replica: number, lane: number, number: number): void {
    const { process } = this.#replica(replica);
    const { core } = process;
    const poll = (): void => {
      if (core !== undefined && process.core !== core) return;
      const outcome = this.#outcomes.get(`${lane}/${number}`);
      if (outcome === undefined) return this.time.after(50, poll);
      const { nowMs } = this.time;
      this.input(replica, { kind: 'order-ended', lane, number, outcome, nowMs });
    };
    this.time.after(50, poll);
  }

  #toOthers(from: number, send: (to: number) => void): void {
    for (let to = 0; to < this.n; to += 1) if (to !== from) send(to);
  }

  #send(from: number, to: number, message: SessionMessage): void {
    for (const changed of this.tamper(from, to, message)) this.transmit(from, to, changed);
  }

  #sendOrdering(from: number, to: number, message: OrderingMessage): void {
    for (const changed of this.tamperOrdering(from, to, message)) {
      this.transmitOrdering(from, to, changed);
    }
  }

  #coreOptions(replica: number, application: WordApplication): SessionOptions {
    const { cluster } = this.parties;
    const ordering = {
      ...orderingDefaults,
      checkpointInterval: this.#options.checkpointInterval ?? orderingDefaults.checkpointInterval,
    };
    return {
      ...sessionDefaults,
      ...this.#options.timings,
      cluster: cluster.id,
      resilience: cluster.resilience,
      self: replica as ReplicaId,
      sign: this.parties.replicaSign(replica),
      applications: [application],
      engine: (identity, machine) =>
        productionEngines[this.#options.engine ?? 'antipaxos'](
          { exclusion: 'S1', timeoutMaxMs: 2000, ...ordering, ...identity },
          machine,
        ),
    };
  }

  #replica(replica: number): Replica {
    const found = this.#replicas[replica];
    if (!found) throw new RangeError(`no replica ${replica}`);
    return found;
  }
}

type Question = DistributiveOmit<
  Extract<SessionInput, { readonly replyId: SessionReplyId }>,
  'replyId' | 'nowMs'
>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
