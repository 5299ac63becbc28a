import { decodeDecisionProof } from '../../src/agreement/certificate.js';
import { verifyPeerMessage, verifyStatement } from '../../src/agreement/check-message.js';
import { newMember } from '../../src/agreement/core/abstentions.js';
import {
  type DecisionProof,
  type PeerMessage,
  type Slot,
  slotKey,
} from '../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import { type AnyStatement, signStatement } from '../../src/agreement/signing.js';
import type { Statement } from '../../src/agreement/statements.js';
import type { TimerInput } from '../../src/kernel/core.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import type { Signed, Verified } from '../../src/kernel/signed.js';
import {
  CoordinatorCore,
  type CoordinatorOptions,
} from '../../src/transaction/coordinator/core/coordinator.js';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../src/transaction/coordinator/core/messages.js';
import { type TestCluster, testCluster } from './keys.js';
import { linkUp, RigProcess } from './rig-process.js';
import { RigTime } from './virtual-time.js';

/** What may happen to a message on its way. An empty list drops it. */
export type Tamper = (from: number, to: number, message: PeerMessage) => readonly PeerMessage[];

export interface RigOptions {
  readonly n?: number;
  readonly f?: number;
  readonly seed?: number;
  readonly participants?: string[];
  /** Finished transactions that each replica remembers; 5,000 unless given. */
  readonly retainedTransactions?: number;
  /** Outcomes that one participant may leave unacknowledged; 256 unless given. */
  readonly owedTransactions?: number;
  /** Forgotten transactions whose proofs each replica still shows; none unless given. */
  readonly shownTransactions?: number;
  /** Its replicas start without the stores that were made together with their keys. */
  readonly withoutStores?: boolean;
  /** A core that is broken on purpose, in place of the production one. */
  readonly createCore?: (options: CoordinatorOptions) => CoordinatorCore;
}

/** All coordinator cores of a cluster on one queue of events, in virtual time, from one seed. */
export class Rig extends RigTime {
  readonly parties: TestCluster;
  readonly stores: Map<string, Uint8Array>[] = [];
  readonly outputs: CoordinatorOutput[][] = [];
  readonly alive = new Set<number>();
  readonly refused: string[] = [];
  tamper: Tamper = (_from, _to, message) => [message];
  /** Sees every output but messages to peers, storage and timers. */
  onOutput: (replica: number, output: CoordinatorOutput) => void = () => {};
  /** Sees all outputs of one step in their order, before any is performed. */
  onStep: (replica: number, outputs: readonly CoordinatorOutput[]) => void = () => {};
  /** Messages take 1 ms up to this. */
  latencyMaxMs = 5;
  readonly #processes: RigProcess<CoordinatorInput, CoordinatorOutput, CoordinatorCore>[] = [];
  readonly #createCore: (options: CoordinatorOptions) => CoordinatorCore;
  readonly #retainedTransactions: number;
  readonly #owedTransactions: number;
  readonly #shownTransactions: number;
  #random: () => number;

  constructor(options: RigOptions = {}) {
    super();
    this.parties = testCluster(options);
    this.#createCore = options.createCore ?? ((own) => new CoordinatorCore(own));
    this.#retainedTransactions = options.retainedTransactions ?? 5000;
    this.#owedTransactions = options.owedTransactions ?? 256;
    this.#shownTransactions = options.shownTransactions ?? 0;
    this.#random = mulberry32(options.seed ?? 1);
    const records = options.withoutStores ? [] : newMember;
    for (let i = 0; i < this.n; i += 1) {
      this.stores.push(new Map(records.map(({ key, value }) => [key, value])));
      this.outputs.push([]);
      this.#processes.push(this.#process(i));
      this.start(i);
    }
  }

  get n(): number {
    return this.parties.cluster.resilience.n;
  }

  random(): number {
    return this.#random();
  }

  core(replica: number): CoordinatorCore {
    const core = this.#processes[replica]?.core;
    if (!core) throw new Error(`replica ${replica} is down`);
    return core;
  }

  /** Starts a replica from its store. */
  start(replica: number): void {
    const { cluster } = this.parties;
    const core = this.#createCore({
      cluster: cluster.id,
      resilience: cluster.resilience,
      self: replica as ReplicaId,
      initiators: cluster.initiators.map(({ id }) => id),
      suspectAfterMs: cluster.timing.suspectAfterMs,
      resendAfterMs: cluster.timing.resendAfterMs,
      voteTimeoutMs: cluster.timing.voteTimeoutMs,
      retainedTransactions: this.#retainedTransactions,
      owedTransactions: this.#owedTransactions,
      shownTransactions: this.#shownTransactions,
      entropy: new TextEncoder().encode(`entropy of ${replica} at ${this.nowMs}`),
      sign: this.parties.replicaSign(replica),
    });
    this.alive.add(replica);
    this.#processes[replica]?.start(core);
    linkUp(replica, this.alive, (one, other) =>
      this.input(one, { kind: 'peer-up', replica: other as ReplicaId }),
    );
  }

  /** It crashes, and its disk is replaced by an empty one. */
  loseDisk(replica: number): void {
    this.crash(replica);
    this.#store(replica).clear();
  }

  crash(replica: number): void {
    this.alive.delete(replica);
    this.#processes[replica]?.stop();
  }

  /** It crashes in the middle of a step: what comes later in the outputs is lost. */
  crashAfterOutputs(replica: number, count: number): void {
    this.#processes[replica]?.crashAfterOutputs(count);
  }

  /** What the replica's store holds as decided. */
  decision(replica: number, slot: Slot): DecisionProof | undefined {
    const stored = this.#store(replica).get(`decided/${slotKey(slot)}`);
    return stored && decodeDecisionProof(this.parties.cluster.id, stored);
  }

  /** Throws where two replicas have decided differently, down ones included. */
  checkAgreement(): void {
    const digests = new Map<string, string>();
    for (const store of this.stores) {
      for (const [key, bytes] of store) {
        if (!key.startsWith('decided/')) continue;
        const { digest } = decodeDecisionProof(this.parties.cluster.id, bytes).commits.statement;
        if ((digests.get(key) ?? digest) !== digest) throw new Error(`two decisions: ${key}`);
        digests.set(key, digest);
      }
    }
  }

  input(replica: number, input: CoordinatorInput | TimerInput): void {
    this.#processes[replica]?.input(input);
  }

  /** The statement signed by the party that it names, and verified. */
  verified<S extends Statement>(statement: S): Verified<S> {
    const sign =
      'initiator' in statement
        ? this.parties.initiatorSign(statement.initiator)
        : this.parties.participantSign((statement as { participant: string }).participant);
    const signed: Signed<S> = signStatement(sign, this.parties.cluster.id, statement);
    const result = verifyStatement(this.parties.keyring, signed);
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    return result.value;
  }

  /** A statement as the replica signs it. */
  signedBy<S extends AnyStatement>(replica: number, statement: S): Signed<S> {
    return signStatement(this.parties.replicaSign(replica), this.parties.cluster.id, statement);
  }

  /** Puts a message of `from` on its way, whoever made it. */
  transmit(from: number, to: number, message: PeerMessage): void {
    const bytes = encodePeerMessage(message);
    const latencyMs = 1 + Math.floor(this.#random() * this.latencyMaxMs);
    this.after(latencyMs, () => this.#deliver(from, to, bytes));
  }

  #deliver(from: number, to: number, bytes: Uint8Array): void {
    if (!this.#processes[to]?.core) return;
    const message = decodePeerMessage(this.parties.cluster.id, bytes);
    const result = verifyPeerMessage(this.parties.keyring, from as ReplicaId, message);
    if (result.ok) this.input(to, { kind: 'peer', message: result.value });
    else this.refused.push(`${from}->${to} ${message.kind}: ${JSON.stringify(result.error)}`);
  }

  #process(replica: number) {
    return new RigProcess<CoordinatorInput, CoordinatorOutput, CoordinatorCore>({
      time: this,
      store: () => this.#store(replica),
      onStep: (outputs) => this.onStep(replica, outputs),
      perform: (output) => this.#perform(replica, output),
      onTimer: (input) => this.input(replica, input),
      crash: () => this.crash(replica),
    });
  }

  #perform(replica: number, output: CoordinatorOutput): void {
    switch (output.kind) {
      case 'send':
        return this.#send(replica, output.to, output.message);
      case 'broadcast':
        for (let to = 0; to < this.n; to += 1) {
          if (to !== replica) this.#send(replica, to, output.message);
        }
        return;
      case 'send-proof': {
        const stored = this.#store(replica).get(`decided/${slotKey(output.slot)}`);
        if (!stored) return;
        const proof = decodeDecisionProof(this.parties.cluster.id, stored);
        return this.#send(replica, output.to, { kind: 'decided', proof });
      }
      default:
        this.outputs[replica]?.push(output);
        this.onOutput(replica, output);
    }
  }

  #send(from: number, to: number, message: PeerMessage): void {
    for (const changed of this.tamper(from, to, message)) this.transmit(from, to, changed);
  }

  #store(replica: number): Map<string, Uint8Array> {
    return this.stores[replica] ?? new Map();
  }
}

/** A small seeded generator of numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
