import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import { type OrderingEngine, orderingDefaults } from '../../../src/ordering/core/engine.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import { Deferred } from '../engine/deferred.js';
import { Disk } from '../engine/disk.js';
import { Engine } from '../engine/engine.js';
import { Network } from '../engine/network.js';
import { type Host, Process } from '../engine/process.js';
import { Random } from '../engine/random.js';
import { remembering } from '../engine/remembering.js';
import { dealSides } from '../engine/twins.js';
import { type Cast, coordinatorAddress, createCast, replicaAt } from '../parties/cast.js';
import { Coverage } from '../run/coverage.js';
import { DRIFT_MAX, type Narrator, timing } from '../run/world.js';
import { Impostor } from './byzantine/impostor.js';
import type { Conspiracy } from './byzantine/liar.js';
import type { EngineFactory } from './engines.js';
import { loseOneDisk, stillLost } from './losses.js';
import { SimMachine } from './machine.js';
import { isFaulty, type OrderingPlan } from './plan.js';
import { OrderingReader } from './reader.js';
import { OrderingReplica } from './replica.js';
import { isGenuine } from './requests.js';
import { describe } from './transcript.js';
import { OrderingWitness } from './witness.js';

const TIMEOUT_MAX_MS = 2000;

/** Told what a replica refuses. */
export type Refusal = (
  replica: ReplicaId,
  request: OrderingRequest,
  reason: 'busy' | 'executed',
) => void;

/** Where a run takes place: time, network, keys, and the replicas that are put into it. */
export class OrderingWorld {
  readonly plan: OrderingPlan;
  readonly engine = new Engine();
  readonly random: Random;
  readonly cast: Cast;
  readonly coverage = new Coverage();
  readonly witness: OrderingWitness;
  readonly network: Network<Uint8Array>;
  readonly processes: Process<Uint8Array>[] = [];
  /** What stopped replicas that must not stop. */
  readonly failures: { readonly address: string; readonly error: unknown }[] = [];
  onRefused: Refusal = () => {};
  onStarted: (replica: ReplicaId) => void = () => {};
  /** A correct replica has applied something. */
  onProgress: (replica: ReplicaId) => void = () => {};
  readonly #factory: EngineFactory;
  readonly #reader: OrderingReader;
  readonly #narrate: Narrator | undefined;
  readonly #impostors = new Map<string, Impostor>();
  readonly #conspiracy: Conspiracy = { signers: new Map(), hidden: new Map() };
  readonly #extraMs = new Map<string, number>();
  readonly #signers = new Map<string, Sign>();

  constructor(plan: OrderingPlan, factory: EngineFactory, narrate?: Narrator) {
    this.plan = plan;
    this.#factory = factory;
    this.#narrate = narrate;
    this.random = new Random(`seed ${plan.seed} ordering`);
    this.cast = createCast({ n: plan.n, f: plan.f, banks: ['bank-a'], timing });
    this.#reader = new OrderingReader(this.cast, isGenuine);
    this.witness = new OrderingWitness(this.cast, (replica) => !isFaulty(plan, replica));
    this.network = new Network({
      engine: this.engine,
      random: this.random.fork('network'),
      kindOf: (bytes) => this.#reader.read(bytes)?.kind ?? 'garbage',
      onSent: (from, _to, bytes) => this.#onSent(from, bytes),
      onDelivered: (from, to, bytes) => {
        this.coverage.count('messages delivered');
        if (narrate) this.say(`${from} -> ${to}: ${describe(this.#reader.read(bytes))}`);
      },
      onFault: (fault) => {
        if (fault !== 'partitioned') this.coverage.count(`fault ${fault}`);
      },
    });
    if (plan.measuring) this.network.conditions.delayMaxMs = plan.measuring.delayMaxMs;
    for (let replica = 0; replica < plan.n; replica += 1) this.#add(replica as ReplicaId);
    for (const process of this.processes) this.start(process);
  }

  /** A line of the transcript. */
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

  start(process: Process<Uint8Array>): void {
    if (process.isUp) return;
    if (process.disk.recordCount > 0) this.coverage.count('recoveries from disk');
    this.say(`${process.address} starts with ${process.disk.recordCount} records`);
    process.start();
    this.network.announce(process.address);
    const replica = replicaAt(process.address);
    if (replica !== undefined) this.onStarted(replica);
  }

  /** A correct replica comes back on a store that took the place of its own. */
  loseSomeDisk(random: Random): void {
    const replica = loseOneDisk(this, random);
    if (replica !== undefined) this.witness.forgets(replica);
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

  /** Hands a request to whoever runs as this replica; twins both get it. */
  submit(replica: ReplicaId, request: OrderingRequest): void {
    for (const { address, life } of this.processes) {
      if (replicaAt(address) !== replica || !(life instanceof OrderingReplica)) continue;
      life.submit(request);
    }
  }

  /** Liars, and twins, are heard of no more. */
  silenceLiars(): void {
    for (const impostor of this.#impostors.values()) impostor.mute();
    for (const process of this.processes) if (!this.isCorrect(process.address)) process.crash();
  }

  /** The engines of correct replicas that are up. */
  get cores(): { readonly replica: ReplicaId; readonly core: OrderingEngine }[] {
    return this.processes.flatMap(({ address, life }) => {
      const replica = replicaAt(address);
      if (replica === undefined || !this.isCorrect(address)) return [];
      return life instanceof OrderingReplica ? [{ replica, core: life.core }] : [];
    });
  }

  #onSent(from: string, bytes: Uint8Array): void {
    const replica = replicaAt(from);
    const message = this.#reader.read(bytes);
    if (replica !== undefined && message) this.witness.sentBy(replica, message);
  }

  #add(replica: ReplicaId): void {
    const address = coordinatorAddress(replica);
    if (!this.plan.twins.includes(replica)) {
      const impostor = this.#impostor(replica, address);
      const process = this.#process(replica, address, impostor);
      this.network.attach(process);
      return;
    }
    const hears = dealSides(
      this.engine,
      this.random.fork(`twins ${address}`),
      () => this.network.addresses,
    );
    for (const twin of ['a', 'b'] as const) {
      this.coverage.count('twins');
      this.network.attach(this.#process(replica, `${address}${twin}`, undefined), hears(twin));
    }
  }

  #process(replica: ReplicaId, label: string, impostor: Impostor | undefined): Process<Uint8Array> {
    const address = coordinatorAddress(replica);
    const random = this.random.fork(`process ${label}`);
    const drift = this.plan.faults['clock-drift'] ?? 0;
    if (drift > 0) this.coverage.count('fault clock-drift');
    const process = new Process<Uint8Array>({
      engine: this.engine,
      address,
      disk: new Disk({
        engine: this.engine,
        random: random.fork('disk'),
        onCrashedWrite: (fate) => this.coverage.count(`fault write ${fate}`),
        onWritten: (writes) => this.witness.written(replica, writes),
        records: [],
      }),
      clockRate: 1 + drift * random.between(-DRIFT_MAX, DRIFT_MAX),
      clockOffsetMs: 1_000_000 + drift * random.between(0, 5000),
      boot: (host) => this.#boot(replica, host, impostor),
      onFailure: (error) => {
        this.say(`${address} fails: ${error instanceof Error ? error.stack : String(error)}`);
        if (this.isCorrect(address)) this.failures.push({ address, error });
      },
    });
    this.processes.push(process);
    return process;
  }

  #boot(self: ReplicaId, host: Host, impostor: Impostor | undefined): OrderingReplica {
    const { plan, witness, cast, coverage } = this;
    const address = coordinatorAddress(self);
    witness.started(self);
    const deferred = new Deferred();
    const machine = new SimMachine(
      {
        applied: (applied) =>
          deferred.add(() => {
            witness.machineApplied(self, applied);
            if (this.isCorrect(address)) this.onProgress(self);
          }),
        installed: (index, chain) =>
          deferred.add(() => {
            witness.machineInstalled(self, index, chain);
            if (this.isCorrect(address)) this.onProgress(self);
          }),
      },
      plan.stateBytes,
    );
    const core = this.#factory(
      {
        ...orderingDefaults,
        cluster: cast.cluster.id,
        resilience: cast.cluster.resilience,
        self,
        sign: this.#signOf(address),
        pipelineDepth: plan.pipelineDepth,
        checkpointInterval: plan.checkpointInterval,
        batchDelayMs: plan.batchDelayMs,
        batchRequestsMax: plan.batchRequestsMax,
        exclusion: plan.exclusion,
        timeoutMaxMs: TIMEOUT_MAX_MS,
      },
      machine,
    );
    return new OrderingReplica({
      host,
      self,
      n: plan.n,
      core,
      deferred,
      reader: this.#reader,
      send: (to, message, bytes) => {
        if (impostor) impostor.send(to, message);
        else this.network.send(address, coordinatorAddress(to), bytes());
      },
      takes: (from, message) => impostor?.receives(from, message) ?? true,
      extraMs: () => this.#extraMs.get(address) ?? 0,
      onDelivered: (position) => witness.delivered(self, position),
      onInstalled: (position) => {
        if (this.isCorrect(address)) coverage.count('state transfers');
        this.say(`${address} jumps to ${position}`);
      },
      onRefused: (request, reason) => this.onRefused(self, request, reason),
      log: (event, data) => {
        if (this.isCorrect(address)) coverage.count(`event ${event}`);
        if (this.#narrate) this.say(`${address} notes ${event} ${JSON.stringify(data)}`);
      },
    });
  }

  #signOf(address: string): Sign {
    const sign = this.#signers.get(address) ?? remembering(this.cast.signOf(address));
    this.#signers.set(address, sign);
    return sign;
  }

  /** The behaviours of a liar, which outlive its restarts. */
  #impostor(self: ReplicaId, address: string): Impostor | undefined {
    const liar = this.plan.liars.find(({ replica }) => replica === self);
    if (!liar) return undefined;
    const impostor = new Impostor({
      self,
      sign: this.#signOf(address),
      cast: this.cast,
      engine: this.engine,
      random: this.random.fork(`liar ${address}`),
      coverage: this.coverage,
      conspiracy: this.#conspiracy,
      behaviours: liar.behaviours,
      during: liar.during,
      transmit: (to, message) =>
        this.network.send(address, coordinatorAddress(to), encodeOrderingMessage(message)),
    });
    this.#impostors.set(address, impostor);
    return impostor;
  }
}
