import { Fifo, type TimerInput } from '../../src/kernel/core.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import type {
  OrderingEngine,
  OrderingInput,
  OrderingOutput,
} from '../../src/ordering/core/engine.js';
import type {
  Batch,
  OrderingMessage,
  OrderingRequest,
  VerifiedOrderingMessage,
} from '../../src/ordering/types.js';
import type { VirtualTime } from '../../test/simulation/engine/virtual-time.js';
import type { Costs } from './costs.js';
import { Disk } from './disk.js';
import { NumberSet } from './number-set.js';
import type { Parcel } from './parcel.js';

/** What a replica has done so far. */
export interface Work {
  /** Messages sent, one for each receiver, and their bytes. */
  messages: number;
  bytes: number;
  signed: number;
  /** Signatures of replicas verified for the first time; of clients; and found known. */
  verified: number;
  clientVerified: number;
  known: number;
  /** Time that its processor was busy. */
  busyMs: number;
}

export type Speculated = Extract<OrderingOutput, { readonly kind: 'speculated' }>;

export interface ReplicaPorts {
  /** The number of signatures made so far, by anybody. */
  signatures(): number;
  weigh(message: OrderingMessage): Parcel;
  send(to: number, parcel: Parcel): void;
  delivered(batch: Batch): void;
  speculated(speculated: Speculated): void;
  refused(request: OrderingRequest): void;
}

export interface ReplicaSettings {
  readonly self: number;
  readonly replicas: number;
  readonly costs: Costs;
  /** Client requests that one request of the model stands for, and whether each is signed. */
  readonly bundle: number;
  readonly clientsSign: boolean;
}

type Input =
  | { readonly kind: 'parcel'; readonly from: number; readonly parcel: Parcel }
  | { readonly kind: 'request'; readonly request: OrderingRequest }
  | TimerInput;

/**
 * One replica: its processor takes one input after the other, and its driver lets nothing that follows a
 * record leave before the record is on disk.
 */
export class SimulatedReplica {
  readonly work: Work = {
    messages: 0,
    bytes: 0,
    signed: 0,
    verified: 0,
    clientVerified: 0,
    known: 0,
    busyMs: 0,
  };
  readonly #settings: ReplicaSettings;
  readonly #engine: OrderingEngine;
  readonly #queue: VirtualTime;
  readonly #ports: ReplicaPorts;
  readonly #disk: Disk;
  readonly #inputs = new Fifo<Input>();
  readonly #timers = new Map<string, number>();
  readonly #known = new NumberSet();
  #isBusy = false;
  #isAlive = true;
  /** When the last output so far leaves. */
  #leftMs = 0;
  #timerStarts = 0;

  constructor(
    settings: ReplicaSettings,
    engine: OrderingEngine,
    queue: VirtualTime,
    ports: ReplicaPorts,
  ) {
    this.#settings = settings;
    this.#engine = engine;
    this.#queue = queue;
    this.#ports = ports;
    this.#disk = new Disk(settings.costs.syncUs / 1000);
  }

  get engine(): OrderingEngine {
    return this.#engine;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  start(): void {
    this.#perform(this.#engine.restore([]) as readonly OrderingOutput[]);
  }

  /** It stops in the middle of whatever it does. */
  kill(): void {
    this.#isAlive = false;
  }

  receive(from: number, parcel: Parcel): void {
    this.#take({ kind: 'parcel', from, parcel });
  }

  /** A client hands in a request; it stands for a bundle. */
  submit(request: OrderingRequest): void {
    this.#take({ kind: 'request', request });
  }

  #take(input: Input): void {
    if (!this.#isAlive) return;
    this.#inputs.push(input);
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const input = this.#inputs.shift();
    this.#isBusy = input !== undefined;
    if (!input) return;
    const takesMs = this.#costOf(input) / 1000;
    this.work.busyMs += takesMs;
    this.#queue.at(this.#queue.nowMs + takesMs, () => this.#handle(input));
  }

  #handle(input: Input): void {
    if (!this.#isAlive) return;
    const before = this.#ports.signatures();
    const outputs = this.#engine.handle(this.#engineInput(input)) as readonly OrderingOutput[];
    const signed = this.#ports.signatures() - before;
    this.work.signed += signed;
    const takesMs = this.#perform(outputs, (signed * this.#settings.costs.signUs) / 1000);
    this.work.busyMs += takesMs;
    if (takesMs > 0) this.#queue.at(this.#queue.nowMs + takesMs, () => this.#next());
    else this.#next();
  }

  #engineInput(input: Input): OrderingInput | TimerInput {
    const { nowMs } = this.#queue;
    switch (input.kind) {
      case 'parcel': {
        // Counted, and paid for, as if it had been verified.
        const { message } = input.parcel;
        const verified = { from: input.from as ReplicaId, message } as VerifiedOrderingMessage;
        return { kind: 'peer', message: verified, nowMs };
      }
      case 'request':
        return { kind: 'submit', request: input.request, nowMs };
      case 'timer':
        return input;
    }
  }

  /** In microseconds. */
  #costOf(input: Input): number {
    const { costs, bundle, clientsSign } = this.#settings;
    switch (input.kind) {
      case 'timer':
        return 0;
      case 'request':
        if (clientsSign) this.work.clientVerified += bundle;
        return bundle * (costs.takeRequestUs + (clientsSign ? costs.clientVerifyUs : 0));
      case 'parcel': {
        const { bytes, requests, signatures } = input.parcel;
        let fresh = 0;
        for (const number of signatures) if (this.#known.add(number)) fresh += 1;
        this.work.verified += fresh;
        this.work.known += signatures.length - fresh;
        if (clientsSign) this.work.clientVerified += requests;
        return (
          costs.receiveUs +
          (bytes * costs.receiveNsPerByte) / 1000 +
          fresh * costs.verifyUs +
          (signatures.length - fresh) * costs.knownSignatureUs +
          requests * (costs.receiveRequestUs + (clientsSign ? costs.clientVerifyUs : 0))
        );
      }
    }
  }

  /** Performs outputs once the processor and the disk are through; gives the processor's time for it. */
  #perform(outputs: readonly OrderingOutput[], spentMs = 0): number {
    const parcels = new Map<OrderingMessage, Parcel>();
    let takesMs = spentMs;
    let recordsUs = 0;
    for (const output of outputs) {
      if (output.kind === 'persist') recordsUs += this.#settings.costs.persistUs;
      else if (output.kind === 'send' || output.kind === 'broadcast') {
        const parcel = this.#ports.weigh(output.message);
        parcels.set(output.message, parcel);
        takesMs += this.#sendMs(parcel) * (output.kind === 'send' ? 1 : this.#others);
      } else if (output.kind === 'delivered') {
        const requests = output.batch.length * this.#settings.bundle;
        takesMs += (requests * this.#settings.costs.applyRequestUs) / 1000;
      }
    }
    takesMs += recordsUs / 1000;
    const readyMs = this.#queue.nowMs + takesMs;
    // What comes before the first record of a step need not wait for it, but so little does.
    const onDiskMs = outputs.some(({ kind }) => kind === 'persist')
      ? this.#disk.write(readyMs)
      : readyMs;
    this.#leftMs = Math.max(this.#leftMs, onDiskMs);
    const leave = () => {
      if (!this.#isAlive) return;
      for (const output of outputs) this.#performOne(output, parcels);
    };
    if (this.#leftMs <= this.#queue.nowMs) leave();
    else this.#queue.at(this.#leftMs, leave);
    return takesMs;
  }

  get #others(): number {
    return this.#settings.replicas - 1;
  }

  #sendMs({ bytes }: Parcel): number {
    const { sendUs, sendNsPerByte } = this.#settings.costs;
    return sendUs / 1000 + (bytes * sendNsPerByte) / 1e6;
  }

  #performOne(output: OrderingOutput, parcels: ReadonlyMap<OrderingMessage, Parcel>): void {
    const { self, replicas } = this.#settings;
    switch (output.kind) {
      case 'send':
        return this.#send(output.to, parcels.get(output.message));
      case 'broadcast': {
        // Not always the same first: links share a replica's way out alike.
        const parcel = parcels.get(output.message);
        for (let step = 1; step < replicas; step += 1) this.#send((self + step) % replicas, parcel);
        return;
      }
      case 'start-timer':
        return this.#startTimer(output.name, output.delayMs);
      case 'stop-timer':
        this.#timers.delete(output.name);
        return;
      case 'delivered':
        return this.#ports.delivered(output.batch);
      case 'speculated':
        return this.#ports.speculated(output);
      case 'refused':
        return this.#ports.refused(output.request);
      default:
        return;
    }
  }

  #send(to: number, parcel: Parcel | undefined): void {
    if (!parcel) return;
    this.work.messages += 1;
    this.work.bytes += parcel.bytes;
    this.#ports.send(to, parcel);
  }

  #startTimer(name: string, delayMs: number): void {
    this.#timerStarts += 1;
    const start = this.#timerStarts;
    this.#timers.set(name, start);
    this.#queue.at(this.#queue.nowMs + delayMs, () => {
      if (this.#timers.get(name) !== start) return;
      this.#timers.delete(name);
      this.#take({ kind: 'timer', name });
    });
  }
}
