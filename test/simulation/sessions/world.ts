import type { ReplicaId } from '../../../src/kernel/ids.js';
import { orderingDefaults } from '../../../src/ordering/core/engine.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import { type SessionOptions, sessionDefaults } from '../../../src/session/core/application.js';
import { SessionReplica } from '../../../src/session/core/session-replica.js';
import { encodeSessionMessage, type SessionMessage } from '../../../src/session/message.js';
import { Deferred } from '../engine/deferred.js';
import type { Host, Life, Process } from '../engine/process.js';
import { coordinatorAddress, replicaAt } from '../kit/cast.js';
import type { Narrator } from '../kit/world.js';
import { OrderingImpostor } from '../ordering/byzantine/impostor.js';
import { productionEngines } from '../ordering/engines.js';
import { isFaulty } from '../ordering/replica-plan.js';
import { ReplicaWorld, TIMEOUT_MAX_MS } from '../ordering/replica-world.js';
import { describe } from '../ordering/transcript.js';
import { SimApplication } from './application.js';
import { SimBank } from './bank.js';
import { type Errand, SessionClient } from './client.js';
import { SessionImpostor } from './impostor.js';
import { SimOwners } from './owners.js';
import type { Answer, SessionPacket } from './packets.js';
import type { SessionsPlan } from './plan.js';
import { SessionsReader } from './reader.js';
import { type SessionCore, SessionParty } from './replica.js';
import { SessionsWitness } from './witness.js';

export type SessionCoreFactory = (options: SessionOptions) => SessionCore;

export const productionSessions: SessionCoreFactory = (options) => new SessionReplica(options);

interface Impostors {
  readonly session: SessionImpostor;
  readonly ordering: OrderingImpostor;
}

/** The world of sessions: replicas, clients, and a bank below them. */
export class SessionsWorld extends ReplicaWorld<SessionsPlan, SessionPacket, SessionCore> {
  readonly owners: SimOwners;
  readonly reader: SessionsReader;
  readonly witness: SessionsWitness;
  readonly bank: SimBank;
  clientsBusy = 0;
  readonly #factory: SessionCoreFactory;
  readonly #encoded = new WeakMap<object, Uint8Array>();
  readonly #audits = new Map<number, (replica: ReplicaId, answer: Answer) => void>();
  #auditCalls = 1_000_000;

  constructor(plan: SessionsPlan, factory: SessionCoreFactory, narrate?: Narrator) {
    super(plan, 'sessions', narrate);
    this.#factory = factory;
    this.owners = new SimOwners(this.cast.cluster.id);
    this.reader = new SessionsReader(this.cast, this.owners);
    this.witness = new SessionsWitness((replica) => !isFaulty(plan, replica));
    this.bank = new SimBank(this.cast.keyring, this.random.fork('bank'));
    for (const replica of this.replicas) this.#addReplica(replica);
    this.#add('client-audit', () => ({
      load: { timers: 0, outputs: 0 },
      linked: () => {},
      receive: (from, packet) => this.#onAudit(from, packet),
    }));
    for (const process of this.processes) this.start(process);
  }

  /** Somebody who owns sessions and has errands. */
  addClient(address: string, home: number, errands: readonly Errand[]): void {
    this.clientsBusy += 1;
    const { witness, coverage } = this;
    for (const { session } of errands) witness.sessions.set(session.id, session);
    const process = this.#add(
      address,
      (host) =>
        new SessionClient({
          host,
          n: this.plan.n,
          home,
          random: this.random.fork(address),
          owners: this.owners,
          keyring: this.cast.keyring,
          errands,
          send: (replica, packet) =>
            this.network.send(address, coordinatorAddress(replica), packet),
          events: {
            told: (from, session, sequence, status) => {
              coverage.count(`status ${status.kind}`);
              witness.told(from, session, sequence, status);
            },
            settled: (session, sequence, result) => {
              coverage.count('operations settled');
              witness.settled(session, sequence, result);
            },
            wronged: (from, what) => {
              coverage.count(`clients wronged: ${what.replace(/\d+/, 'one')}`);
              if (isFaulty(this.plan, from)) return;
              if (what === 'unavailable' && witness.lost.has(from as ReplicaId)) return;
              witness.fault('honest-home', `replica ${from} tells ${address} ${what}`);
            },
            left: (session) => {
              coverage.count('clients that went away');
              witness.left.add(session.id);
            },
            finished: () => {
              this.clientsBusy -= 1;
            },
          },
        }),
    );
    this.start(process);
  }

  /** Asks replicas something, as any client may; liars answer as they like. */
  audit(
    replicas: readonly ReplicaId[],
    question: Extract<SessionPacket, { kind: 'question' }>['question'],
    onAnswer: (replica: ReplicaId, answer: Answer) => void,
  ): void {
    for (const replica of replicas) {
      this.#auditCalls += 1;
      this.#audits.set(this.#auditCalls, onAnswer);
      this.network.send('client-audit', coordinatorAddress(replica), {
        kind: 'question',
        call: this.#auditCalls,
        question,
      });
    }
  }

  #onAudit(from: string, packet: SessionPacket): void {
    const replica = replicaAt(from);
    if (packet.kind !== 'answer' || replica === undefined) return;
    this.#audits.get(packet.call)?.(replica, packet.answer);
  }

  protected onSent(from: string, packet: SessionPacket): void {
    const replica = replicaAt(from);
    if (replica === undefined) return;
    if (packet.kind === 'session') {
      const message = this.reader.session.read(packet.bytes);
      if (message) this.witness.sentBy(replica, message);
    } else if (packet.kind === 'ordering') {
      const message = this.reader.ordering.read(packet.bytes);
      if (message) this.witness.orderingSentBy(replica, message);
    }
  }

  protected kindOf({ kind }: SessionPacket): string {
    return kind;
  }

  protected coreOf(life: Life<SessionPacket>): SessionCore | undefined {
    return life instanceof SessionParty ? life.core : undefined;
  }

  protected onDiskLost(replica: ReplicaId): void {
    this.witness.losses += 1;
    this.witness.lost.add(replica);
  }

  #add(address: string, boot: (host: Host) => Life<SessionPacket>): Process<SessionPacket> {
    return this.addNode({ address, boot, hasTrueClock: replicaAt(address) === undefined });
  }

  #addReplica(self: ReplicaId): void {
    const lies = this.#impostorsOf(self);
    this.#add(coordinatorAddress(self), (host) => this.#boot(self, host, lies));
  }

  /** The behaviours of a liar as a replica of sessions, and as one of the engine below. */
  #impostorsOf(self: ReplicaId): Impostors | undefined {
    const liar = this.plan.liars.find(({ replica }) => replica === self);
    if (!liar) return undefined;
    const { engine, coverage, cast, conspiracy } = this;
    const random = this.random.fork(`liar ${self}`);
    const sign = this.signOf(self);
    const session = new SessionImpostor({
      self,
      n: this.plan.n,
      cluster: cast.cluster.id,
      signer: sign,
      engine,
      random,
      coverage,
      behaviours: liar.behaviours,
      transmit: (to, message) => this.#sendSession(self, to, message),
    });
    const ordering = new OrderingImpostor({
      self,
      sign,
      cast,
      engine,
      random: random.fork('ordering'),
      coverage,
      conspiracy,
      behaviours: liar.ordering,
      transmit: (to, message) => this.#sendOrdering(self, to, message),
    });
    this.impostors.push(session, ordering);
    return { session, ordering };
  }

  #boot(self: ReplicaId, host: Host, lies: Impostors | undefined): SessionParty {
    const address = coordinatorAddress(self);
    const { plan, witness, bank } = this;
    const [impostor, deeper] = [lies?.session, lies?.ordering];
    const deferred = new Deferred();
    const application = new SimApplication(({ session, sequence }) => {
      if (!this.isCorrect(address)) return;
      deferred.add(() => witness.fault('exactly-once', `${session} ${sequence} at ${self}`));
    });
    return new SessionParty({
      host,
      self,
      n: plan.n,
      core: this.#factory(this.#coreOptions(self, application)),
      deferred,
      reader: this.reader,
      sendOrdering: (to, message) => {
        if (deeper) deeper.send(to, message);
        else this.#sendOrdering(self, to, message);
      },
      sendSession: (to, message) => {
        if (impostor) impostor.send(to, message);
        else this.#sendSession(self, to, message);
      },
      sendAnswer: (to, call, answer) => {
        const said = impostor ? impostor.answering(answer, to) : answer;
        if (said) this.network.send(address, to, { kind: 'answer', call, answer: said });
      },
      takes: (from, message) =>
        isOfOrdering(message)
          ? (deeper?.receives(from, message) ?? true)
          : (impostor?.receives(from, message) ?? true),
      asked: (question, client) => impostor?.asked(question, client),
      ended: (input) => impostor?.ended(input) ?? input,
      extraMs: () => this.extraMsOf(address),
      runOrder: (order) => bank.run(order),
      outcomeOf: (lane, number) => bank.outcomeOf(lane, number),
      log: (event, data) => this.noted(address, event, data),
    });
  }

  #coreOptions(self: ReplicaId, application: SimApplication): SessionOptions {
    const { cluster } = this.cast;
    const { engine, exclusion, pipelineDepth, checkpointInterval } = this.plan;
    const { commitAfterMs, takeoverAfterMs, promisePositions } = this.plan;
    const ordering = { ...orderingDefaults, pipelineDepth, checkpointInterval };
    return {
      ...sessionDefaults,
      commitAfterMs,
      takeoverAfterMs,
      promisePositions,
      cluster: cluster.id,
      resilience: cluster.resilience,
      self,
      sign: this.signOf(self),
      applications: [application],
      engine: (identity, machine) =>
        productionEngines[engine](
          { exclusion, timeoutMaxMs: TIMEOUT_MAX_MS, ...ordering, ...identity },
          machine,
        ),
    };
  }

  #sendOrdering(from: ReplicaId, to: ReplicaId, message: OrderingMessage): void {
    const bytes = this.#encodedOnce(message, () => encodeOrderingMessage(message));
    this.network.send(coordinatorAddress(from), coordinatorAddress(to), {
      kind: 'ordering',
      bytes,
    });
  }

  #sendSession(from: ReplicaId, to: ReplicaId, message: SessionMessage): void {
    const bytes = this.#encodedOnce(message, () => encodeSessionMessage(message));
    this.network.send(coordinatorAddress(from), coordinatorAddress(to), { kind: 'session', bytes });
  }

  #encodedOnce(message: object, encode: () => Uint8Array): Uint8Array {
    const bytes = this.#encoded.get(message) ?? encode();
    this.#encoded.set(message, bytes);
    return bytes;
  }

  protected describe(_from: string, packet: SessionPacket): string {
    switch (packet.kind) {
      case 'ordering':
        return describe(this.reader.ordering.read(packet.bytes));
      case 'session':
        return `session ${this.reader.session.read(packet.bytes)?.kind ?? 'undecodable'}`;
      case 'question': {
        const { question } = packet;
        const first = question.kind === 'run' ? ` from ${question.run.run.first}` : '';
        return `asks ${question.kind}${first}`;
      }
      case 'answer': {
        const { answer } = packet;
        if (answer.kind === 'refused') return `refuses: ${answer.refusal.code}`;
        if (answer.kind !== 'answer') return answer.kind;
        return answer.statuses
          .map(({ sequence, status }) => `${sequence} ${status.kind}`)
          .join(', ');
      }
    }
  }
}

function isOfOrdering(message: OrderingMessage | SessionMessage): message is OrderingMessage {
  return 'scope' in message;
}
