import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import { orderingDefaults } from '../../../src/ordering/core/engine.js';
import { PbftEngine } from '../../../src/ordering/core/pbft/engine.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import { type SessionOptions, sessionDefaults } from '../../../src/session/core/application.js';
import { SessionReplica } from '../../../src/session/core/session-replica.js';
import { encodeSessionMessage, type SessionMessage } from '../../../src/session/message.js';
import { Deferred } from '../engine/deferred.js';
import { Disk } from '../engine/disk.js';
import { Engine } from '../engine/engine.js';
import { Network } from '../engine/network.js';
import { type Host, type Life, Process } from '../engine/process.js';
import { Random } from '../engine/random.js';
import { remembering } from '../engine/remembering.js';
import { Impostor } from '../ordering/byzantine/impostor.js';
import type { Conspiracy } from '../ordering/byzantine/liar.js';
import { loseOneDisk, stillLost } from '../ordering/losses.js';
import { describe } from '../ordering/transcript.js';
import { type Cast, coordinatorAddress, createCast, replicaAt } from '../parties/cast.js';
import { Coverage } from '../run/coverage.js';
import { DRIFT_MAX, type Narrator, timing } from '../run/world.js';
import { SimApplication } from './application.js';
import { SimBank } from './bank.js';
import { type Errand, SessionClient } from './client.js';
import { SessionImpostor } from './impostor.js';
import { SimOwners } from './owners.js';
import type { Answer, SessionPacket } from './packets.js';
import { isFaulty, type SessionsPlan } from './plan.js';
import { SessionsReader } from './reader.js';
import { type SessionCore, SessionParty } from './replica.js';
import { SessionsWitness } from './witness.js';

export type SessionCoreFactory = (options: SessionOptions) => SessionCore;

export const productionSessions: SessionCoreFactory = (options) => new SessionReplica(options);

const TIMEOUT_MAX_MS = 2000;

/** Where a run takes place: time, network, keys, replicas, clients, and a bank below them. */
export class SessionsWorld {
  readonly plan: SessionsPlan;
  readonly engine = new Engine();
  readonly random: Random;
  readonly cast: Cast;
  readonly owners: SimOwners;
  readonly reader: SessionsReader;
  readonly coverage = new Coverage();
  readonly witness: SessionsWitness;
  readonly bank: SimBank;
  readonly network: Network<SessionPacket>;
  readonly processes: Process<SessionPacket>[] = [];
  readonly failures: { readonly address: string; readonly error: unknown }[] = [];
  clientsBusy = 0;
  readonly #factory: SessionCoreFactory;
  readonly #narrate: Narrator | undefined;
  readonly #conspiracy: Conspiracy = { signers: new Map(), hidden: new Map() };
  readonly #impostors = new Map<ReplicaId, SessionImpostor>();
  readonly #deeper = new Map<ReplicaId, Impostor>();
  readonly #signers = new Map<ReplicaId, Sign>();
  readonly #extraMs = new Map<string, number>();
  readonly #encoded = new WeakMap<object, Uint8Array>();
  readonly #audits = new Map<number, (replica: ReplicaId, answer: Answer) => void>();
  #auditCalls = 1_000_000;

  constructor(plan: SessionsPlan, factory: SessionCoreFactory, narrate?: Narrator) {
    this.plan = plan;
    this.#factory = factory;
    this.#narrate = narrate;
    this.random = new Random(`seed ${plan.seed} sessions`);
    this.cast = createCast({ n: plan.n, f: plan.f, banks: ['bank-a'], timing });
    this.owners = new SimOwners(this.cast.cluster.id);
    this.reader = new SessionsReader(this.cast, this.owners);
    this.witness = new SessionsWitness((replica) => !isFaulty(plan, replica));
    this.bank = new SimBank(this.cast.keyring, this.random.fork('bank'));
    this.network = new Network({
      engine: this.engine,
      random: this.random.fork('network'),
      kindOf: ({ kind }) => kind,
      onSent: (from, _to, packet) => this.#onSent(from, packet),
      onDelivered: (from, to, packet) => {
        this.coverage.count('messages delivered');
        if (narrate) this.say(`${from} -> ${to}: ${this.#describe(packet)}`);
      },
      onFault: (fault) => {
        if (fault !== 'partitioned') this.coverage.count(`fault ${fault}`);
      },
    });
    for (let replica = 0; replica < plan.n; replica += 1) this.#addReplica(replica as ReplicaId);
    this.#add('client-audit', () => ({
      load: { timers: 0, outputs: 0 },
      linked: () => {},
      receive: (from, packet) => this.#onAudit(from, packet),
    }));
    for (const process of this.processes) this.start(process);
  }

  say(line: string): void {
    this.#narrate?.(`${this.engine.nowMs.toFixed(1).padStart(9)} ms  ${line}`);
  }

  isCorrect(address: string): boolean {
    const replica = replicaAt(address);
    return replica !== undefined && !isFaulty(this.plan, replica);
  }

  get correct(): ReplicaId[] {
    return Array.from({ length: this.plan.n }, (_, index) => index as ReplicaId).filter(
      (replica) => !isFaulty(this.plan, replica),
    );
  }

  /** The cores of correct replicas that are up. */
  get cores(): { readonly replica: ReplicaId; readonly core: SessionCore }[] {
    return this.processes.flatMap(({ address, life }) => {
      const replica = replicaAt(address);
      if (replica === undefined || !this.isCorrect(address)) return [];
      return life instanceof SessionParty ? [{ replica, core: life.core }] : [];
    });
  }

  start(process: Process<SessionPacket>): void {
    if (process.isUp) return;
    if (process.disk.recordCount > 0) this.coverage.count('recoveries from disk');
    this.say(`${process.address} starts with ${process.disk.recordCount} records`);
    process.start();
    this.network.announce(process.address);
  }

  /** A correct replica comes back on a store that took the place of its own. */
  loseSomeDisk(random: Random): void {
    const replica = loseOneDisk(this, random);
    if (replica === undefined) return;
    this.witness.losses += 1;
    this.witness.lost.add(replica);
  }

  /** Who has lost its disk and does not take part in full yet. */
  get lost(): string[] {
    return stillLost(this.processes, this.plan.engine);
  }

  /** Each message takes it so much longer, until what is returned is called. */
  slowDown(address: string, extraMs: number): () => void {
    this.#extraMs.set(address, (this.#extraMs.get(address) ?? 0) + extraMs);
    return () => this.#extraMs.set(address, (this.#extraMs.get(address) ?? 0) - extraMs);
  }

  /** Liars are heard of no more. */
  silenceLiars(): void {
    for (const impostor of this.#impostors.values()) impostor.mute();
    for (const impostor of this.#deeper.values()) impostor.mute();
    for (const process of this.processes) {
      const replica = replicaAt(process.address);
      if (replica !== undefined && isFaulty(this.plan, replica)) process.crash();
    }
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

  #onSent(from: string, packet: SessionPacket): void {
    const replica = replicaAt(from);
    if (replica === undefined) return;
    if (packet.kind === 'session') {
      const message = this.reader.session(packet.bytes);
      if (message) this.witness.sentBy(replica, message);
    } else if (packet.kind === 'ordering') {
      const message = this.reader.ordering.read(packet.bytes);
      if (message) this.witness.orderingSentBy(replica, message);
    }
  }

  #add(address: string, boot: (host: Host) => Life<SessionPacket>): Process<SessionPacket> {
    const random = this.random.fork(`process ${address}`);
    const drift = replicaAt(address) === undefined ? 0 : (this.plan.faults['clock-drift'] ?? 0);
    if (drift > 0) this.coverage.count('fault clock-drift');
    const process = new Process<SessionPacket>({
      engine: this.engine,
      address,
      disk: new Disk({
        engine: this.engine,
        random: random.fork('disk'),
        onCrashedWrite: (fate) => this.coverage.count(`fault write ${fate}`),
        onWritten: () => {},
        records: [],
      }),
      clockRate: 1 + drift * random.between(-DRIFT_MAX, DRIFT_MAX),
      clockOffsetMs: 1_000_000 + drift * random.between(0, 5000),
      boot,
      onFailure: (error) => {
        this.say(`${address} fails: ${error instanceof Error ? error.stack : String(error)}`);
        if (this.isCorrect(address)) this.failures.push({ address, error });
      },
    });
    this.processes.push(process);
    this.network.attach(process);
    return process;
  }

  #addReplica(self: ReplicaId): void {
    const address = coordinatorAddress(self);
    this.#signers.set(self, remembering(this.cast.signOf(address)));
    const liar = this.plan.liars.find(({ replica }) => replica === self);
    if (liar) this.#addImpostors(self, liar);
    this.#add(address, (host) => this.#boot(self, host));
  }

  #addImpostors(self: ReplicaId, { behaviours, ordering }: SessionsPlan['liars'][number]): void {
    const { engine, coverage, cast } = this;
    const random = this.random.fork(`liar ${self}`);
    const sign = this.#signOf(self);
    const impostor = new SessionImpostor({
      self,
      n: this.plan.n,
      cluster: cast.cluster.id,
      signer: sign,
      engine,
      random,
      coverage,
      behaviours,
      transmit: (to, message) => this.#sendSession(self, to, message),
    });
    this.#impostors.set(self, impostor);
    const conspiracy = this.#conspiracy;
    const deeper = new Impostor({
      self,
      sign,
      cast,
      engine,
      random: random.fork('ordering'),
      coverage,
      conspiracy,
      behaviours: ordering,
      transmit: (to, message) => this.#sendOrdering(self, to, message),
    });
    this.#deeper.set(self, deeper);
  }

  #signOf(self: ReplicaId): Sign {
    const sign = this.#signers.get(self);
    if (!sign) throw new RangeError(`no key for ${self}`);
    return sign;
  }

  #boot(self: ReplicaId, host: Host): SessionParty {
    const address = coordinatorAddress(self);
    const { plan, witness, bank, coverage } = this;
    const [impostor, deeper] = [this.#impostors.get(self), this.#deeper.get(self)];
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
      extraMs: () => this.#extraMs.get(address) ?? 0,
      runOrder: (order) => bank.run(order),
      outcomeOf: (lane, number) => bank.outcomeOf(lane, number),
      log: (event, data) => {
        if (this.isCorrect(address)) coverage.count(`event ${event}`);
        if (this.#narrate) this.say(`${address} notes ${event} ${JSON.stringify(data)}`);
      },
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
      sign: this.#signOf(self),
      applications: [application],
      engine: (identity, machine) =>
        engine === 'pbft'
          ? new PbftEngine({ ...ordering, ...identity }, machine)
          : new AntipaxosEngine(
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

  #describe(packet: SessionPacket): string {
    switch (packet.kind) {
      case 'ordering':
        return describe(this.reader.ordering.read(packet.bytes));
      case 'session':
        return `session ${this.reader.session(packet.bytes)?.kind ?? 'undecodable'}`;
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
