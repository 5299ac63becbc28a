import type { ReplicaId } from '../../../src/kernel/ids.js';
import { type OrderingEngine, orderingDefaults } from '../../../src/ordering/core/engine.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import { Deferred } from '../engine/deferred.js';
import type { Host, Life, Process } from '../engine/process.js';
import { coordinatorAddress, replicaAt } from '../kit/cast.js';
import type { Narrator, Node } from '../kit/world.js';
import { OrderingImpostor } from './byzantine/impostor.js';
import type { EngineFactory } from './engines.js';
import { SimMachine } from './machine.js';
import type { OrderingPlan } from './plan.js';
import { type OrderingReader, orderingReader } from './reader.js';
import { OrderingReplica } from './replica.js';
import { isFaulty } from './replica-plan.js';
import { ReplicaWorld, TIMEOUT_MAX_MS } from './replica-world.js';
import { isGenuine } from './requests.js';
import { describe } from './transcript.js';
import { OrderingWitness } from './witness.js';

/** Told what a replica refuses. */
export type Refusal = (
  replica: ReplicaId,
  request: OrderingRequest,
  reason: 'busy' | 'executed' | 'too-long',
) => void;

/** The world of the ordering engines: replicas, and requests that are submitted to them. */
export class OrderingWorld extends ReplicaWorld<OrderingPlan, Uint8Array, OrderingEngine> {
  readonly witness: OrderingWitness;
  onRefused: Refusal = () => {};
  onStarted: (replica: ReplicaId) => void = () => {};
  /** A correct replica has applied something. */
  onProgress: (replica: ReplicaId) => void = () => {};
  readonly #factory: EngineFactory;
  readonly #reader: OrderingReader;

  constructor(plan: OrderingPlan, factory: EngineFactory, narrate?: Narrator) {
    super(plan, 'ordering', narrate);
    this.#factory = factory;
    this.#reader = orderingReader(this.cast, isGenuine);
    this.witness = new OrderingWitness(this.cast, (replica) => !isFaulty(plan, replica));
    if (plan.measuring) this.network.conditions.delayMaxMs = plan.measuring.delayMaxMs;
    for (const replica of this.replicas) this.#add(replica);
    for (const process of this.processes) this.start(process);
  }

  override start(process: Process<Uint8Array>): void {
    if (process.isUp) return;
    super.start(process);
    const replica = replicaAt(process.address);
    if (replica !== undefined) this.onStarted(replica);
  }

  /** Hands a request to all that run as this replica; twins both get it. */
  submit(replica: ReplicaId, request: OrderingRequest): void {
    for (const { address, life } of this.processes) {
      if (replicaAt(address) !== replica || !(life instanceof OrderingReplica)) continue;
      life.request(request);
    }
  }

  protected kindOf(bytes: Uint8Array): string {
    return this.#reader.read(bytes)?.kind ?? 'garbage';
  }

  protected describe(_from: string, bytes: Uint8Array): string {
    return describe(this.#reader.read(bytes));
  }

  protected onSent(from: string, bytes: Uint8Array): void {
    const replica = replicaAt(from);
    const message = this.#reader.read(bytes);
    if (replica !== undefined && message) this.witness.sentBy(replica, message);
  }

  protected coreOf(life: Life<Uint8Array>): OrderingEngine | undefined {
    return life instanceof OrderingReplica ? life.core : undefined;
  }

  protected onDiskLost(replica: ReplicaId): void {
    this.witness.forgets(replica);
  }

  #add(replica: ReplicaId): void {
    const address = coordinatorAddress(replica);
    if (!this.plan.twins.includes(replica)) {
      this.addNode(this.#nodeOf(replica, this.#impostor(replica)));
      return;
    }
    this.addTwins(address, () => {
      this.coverage.count('twins');
      return this.#nodeOf(replica, undefined);
    });
  }

  #nodeOf(replica: ReplicaId, impostor: OrderingImpostor | undefined): Node<Uint8Array> {
    return {
      address: coordinatorAddress(replica),
      boot: (host) => this.#boot(replica, host, impostor),
      onWritten: (writes) => this.witness.written(replica, writes),
    };
  }

  #boot(self: ReplicaId, host: Host, impostor: OrderingImpostor | undefined): OrderingReplica {
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
        installed: (lanes) =>
          deferred.add(() => {
            witness.machineInstalled(self, lanes);
            if (this.isCorrect(address)) this.onProgress(self);
          }),
      },
      plan.stateBytes,
      plan.engine === 'ezbft',
    );
    const core = this.#factory(
      {
        ...orderingDefaults,
        cluster: cast.cluster.id,
        resilience: cast.cluster.resilience,
        self,
        sign: this.signOf(self),
        pipelineDepth: plan.pipelineDepth,
        checkpointInterval: plan.checkpointInterval,
        batchDelayMs: plan.batchDelayMs,
        batchRequestsMax: plan.batchRequestsMax,
        exclusion: plan.exclusion,
        decisionsBy: plan.decisionsBy,
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
      extraMs: () => this.extraMsOf(address),
      onDelivered: (position) => witness.delivered(self, position),
      onInstalled: (position) => {
        if (this.isCorrect(address)) coverage.count('state transfers');
        this.say(`${address} jumps to ${position}`);
      },
      onRefused: (request, reason) => this.onRefused(self, request, reason),
      log: (event, data) => this.noted(address, event, data),
    });
  }

  /** The behaviours of a liar, which outlive its restarts. */
  #impostor(self: ReplicaId): OrderingImpostor | undefined {
    const liar = this.plan.liars.find(({ replica }) => replica === self);
    if (!liar) return undefined;
    const address = coordinatorAddress(self);
    const impostor = new OrderingImpostor({
      self,
      sign: this.signOf(self),
      cast: this.cast,
      engine: this.engine,
      random: this.random.fork(`liar ${address}`),
      coverage: this.coverage,
      conspiracy: this.conspiracy,
      behaviours: liar.behaviours,
      during: liar.during,
      transmit: (to, message) =>
        this.network.send(address, coordinatorAddress(to), encodeOrderingMessage(message)),
    });
    this.impostors.push(impostor);
    return impostor;
  }
}
