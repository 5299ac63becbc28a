import type { StoredRecord } from '../../../src/kernel/core.js';
import { Disk, type DiskWrite } from '../engine/disk.js';
import { Engine } from '../engine/engine.js';
import { Network } from '../engine/network.js';
import { type Host, type Life, Process } from '../engine/process.js';
import { Random } from '../engine/random.js';
import { dealSides } from '../engine/twins.js';
import type { Cast } from './cast.js';
import { Coverage } from './coverage.js';

/** Clocks run at most this much too fast, or too slow. */
export const DRIFT_MAX = 0.1;

/** Gets each line of the transcript. */
export type Narrator = (line: string) => void;

/** What every plan says. */
export interface WorldPlan {
  readonly seed: number;
  /** How long faults go on. Afterwards all is mended, and everything must finish. */
  readonly chaosMs: number;
  /** The faults that are on, each with a strength above 0 and up to 1. */
  readonly faults: Readonly<Partial<Record<'clock-drift', number>>>;
  /** Events of the whole run; a run that needs more fails. */
  readonly stepsMax: number;
}

/** A process that is put into a world. */
export interface Node<Message> {
  readonly address: string;
  readonly boot: (host: Host) => Life<Message>;
  /** What is on its disk before it starts for the first time; nothing unless given. */
  readonly records?: readonly StoredRecord[];
  /** Sees each write once it is on the disk. */
  readonly onWritten?: (writes: readonly DiskWrite[]) => void;
  /** Its clock is right, whatever the plan says. */
  readonly hasTrueClock?: boolean;
}

export interface WorldOptions<Plan> {
  readonly plan: Plan;
  /** What the random numbers of the run are drawn from. */
  readonly seed: string;
  readonly cast: Cast;
  readonly narrate: Narrator | undefined;
}

/** Where a run takes place: time, network, keys, disks, and the nodes that are put into it. */
export abstract class World<Plan extends WorldPlan, Message> {
  readonly plan: Plan;
  readonly engine = new Engine();
  readonly random: Random;
  readonly cast: Cast;
  readonly coverage = new Coverage();
  readonly network: Network<Message>;
  readonly processes: Process<Message>[] = [];
  /** What stopped nodes that must not stop. */
  readonly failures: { readonly address: string; readonly error: unknown }[] = [];
  readonly #narrate: Narrator | undefined;

  constructor({ plan, seed, cast, narrate }: WorldOptions<Plan>) {
    this.plan = plan;
    this.random = new Random(seed);
    this.cast = cast;
    this.#narrate = narrate;
    this.network = new Network({
      engine: this.engine,
      random: this.random.fork('network'),
      kindOf: (message) => this.kindOf(message),
      onSent: (from, _to, message) => this.onSent(from, message),
      onDelivered: (from, to, message) => {
        this.onDelivered(from, to, message);
        this.coverage.count('messages delivered');
        if (narrate) this.say(`${from} -> ${to}: ${this.describe(from, message)}`);
      },
      onFault: (fault) => {
        if (fault !== 'partitioned') this.coverage.count(`fault ${fault}`);
      },
    });
  }

  /** Whether the node at this address is one that promises are made of. */
  abstract isCorrect(address: string): boolean;

  protected abstract kindOf(message: Message): string;

  /** A message in one line, for people. */
  protected abstract describe(from: string, message: Message): string;

  protected abstract onSent(from: string, message: Message): void;

  protected onDelivered(_from: string, _to: string, _message: Message): void {}

  /** A line of the transcript. */
  say(line: string): void {
    this.#narrate?.(`${this.engine.nowMs.toFixed(1).padStart(9)} ms  ${line}`);
  }

  start(process: Process<Message>): void {
    if (process.isUp) return;
    if (process.disk.recordCount > 0) this.coverage.count('recoveries from disk');
    this.say(`${process.address} starts with ${process.disk.recordCount} records`);
    process.start();
    this.network.announce(process.address);
  }

  /** A note of a node's core. Those of liars do not count. */
  noted(address: string, event: string, data: object): void {
    if (this.isCorrect(address)) this.coverage.count(`event ${event}`);
    if (this.#narrate) this.say(`${address} notes ${event} ${JSON.stringify(data)}`);
  }

  /** A node that runs once. */
  protected addNode(
    node: Node<Message>,
    label = node.address,
    hears?: (from: string) => boolean,
  ): Process<Message> {
    const process = this.#process(node, label);
    this.processes.push(process);
    this.network.attach(process, hears);
    return process;
  }

  /** Two copies of one node, each with a label of its own. */
  protected addTwins(address: string, nodeOf: (twin: 'a' | 'b', label: string) => Node<Message>) {
    const random = this.random.fork(`twins ${address}`);
    const hears = dealSides(this.engine, random, () => this.network.addresses);
    for (const twin of ['a', 'b'] as const) {
      const label = `${address}${twin}`;
      this.addNode(nodeOf(twin, label), label, hears(twin));
    }
  }

  /** All that it draws is drawn by its label. */
  #process(node: Node<Message>, label: string): Process<Message> {
    const { address, boot, records = [], onWritten = () => {} } = node;
    const random = this.random.fork(`process ${label}`);
    const drift = node.hasTrueClock ? 0 : (this.plan.faults['clock-drift'] ?? 0);
    if (drift > 0) this.coverage.count('fault clock-drift');
    return new Process({
      engine: this.engine,
      address,
      disk: new Disk({
        engine: this.engine,
        random: random.fork('disk'),
        onCrashedWrite: (fate) => this.coverage.count(`fault write ${fate}`),
        onWritten,
        records,
      }),
      clockRate: 1 + drift * random.between(-DRIFT_MAX, DRIFT_MAX),
      clockOffsetMs: 1_000_000 + drift * random.between(0, 5000),
      boot,
      onFailure: (error) => {
        this.say(`${address} fails: ${error instanceof Error ? error.stack : String(error)}`);
        if (this.isCorrect(address)) this.failures.push({ address, error });
      },
    });
  }
}
