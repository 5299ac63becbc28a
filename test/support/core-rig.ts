import type { Core, TimerInput } from '../../src/kernel/core.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import type { TestCluster } from './keys.js';
import { linkUp, RigProcess } from './rig-process.js';
import { RigTime } from './virtual-time.js';

interface PeerUp {
  readonly kind: 'peer-up';
  readonly replica: ReplicaId;
}

/** Cores of all replicas of a cluster on one queue of events, in virtual time, from one seed. */
export abstract class CoreRig<Input, Output, C extends Core<Input, Output>> extends RigTime {
  readonly parties: TestCluster;
  readonly stores: Map<string, Uint8Array>[] = [];
  /** Every output but messages to peers, storage and timers, by replica. */
  readonly outputs: Output[][] = [];
  readonly alive = new Set<number>();
  readonly refused: string[] = [];
  /** Sees all outputs of one step in their order, before any is performed. */
  onStep: (replica: number, outputs: readonly Output[]) => void = () => {};
  readonly random: () => number;
  readonly #processes: RigProcess<Input, Output, C>[] = [];

  constructor(parties: TestCluster, seed: number, nowMs: number) {
    super(nowMs);
    this.parties = parties;
    this.random = mulberry32(seed);
  }

  get n(): number {
    return this.parties.cluster.resilience.n;
  }

  crash(replica: number): void {
    this.alive.delete(replica);
    this.#processes[replica]?.stop();
  }

  /** It crashes in the middle of a step: what comes later in the outputs is lost. */
  crashAfterOutputs(replica: number, count: number): void {
    this.#processes[replica]?.crashAfterOutputs(count);
  }

  input(replica: number, input: Input | TimerInput): void {
    this.#processes[replica]?.input(input);
  }

  /** Performs what is neither storage nor a timer. */
  protected abstract perform(replica: number, output: Output): void;

  /** One replica more, with this in its store. It is not started yet. */
  protected addProcess(store: Map<string, Uint8Array>): void {
    const replica = this.#processes.length;
    this.stores.push(store);
    this.outputs.push([]);
    const process = new RigProcess<Input, Output, C>({
      time: this,
      store: () => this.storeOf(replica),
      onStep: (outputs) => this.onStep(replica, outputs),
      perform: (output) => this.perform(replica, output),
      onTimer: (input) => this.input(replica, input),
      crash: () => this.crash(replica),
    });
    this.#processes.push(process);
  }

  /** Starts a replica from its store. */
  protected startCore(replica: number, core: C): void {
    this.alive.add(replica);
    this.#processes[replica]?.start(core);
    linkUp(replica, this.alive, (one, other) => {
      const peerUp: PeerUp = { kind: 'peer-up', replica: other as ReplicaId };
      this.input(one, peerUp as Input & PeerUp);
    });
  }

  /** Undefined where it is down. */
  protected coreOf(replica: number): C | undefined {
    return this.#processes[replica]?.core;
  }

  protected storeOf(replica: number): Map<string, Uint8Array> {
    return this.stores[replica] ?? new Map();
  }

  protected othersThan(replica: number): number[] {
    return Array.from({ length: this.n }, (_, index) => index).filter((one) => one !== replica);
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
