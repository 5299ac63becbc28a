import type { Transfer } from '../../../src/banking/soap.js';
import type { TransactionId } from '../../../src/kernel/ids.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Engine } from '../engine/engine.js';
import type { Lost, Network } from '../engine/network.js';
import type { Life } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import { type Cast, replicaAt } from '../kit/cast.js';
import type { Packet } from '../parties/packets.js';
import type { Reader } from '../parties/reader.js';
import type { Coverage } from '../kit/coverage.js';
import type { Behaviour, Conspiracy, Liar, Sent } from './liar.js';
import { behaviourMakers, type LiarName } from './library.js';

export interface ImpostorOptions {
  readonly world: {
    readonly engine: Engine;
    readonly network: Network<Packet>;
    readonly cast: Cast;
    readonly reader: Reader;
    readonly coverage: Coverage;
    loseDisk(address: string, downMs: number): void;
    asked(client: string, timestamp: number, order: Transfer): void;
    revived(tid: TransactionId): void;
  };
  readonly address: string;
  readonly behaviours: readonly LiarName[];
  readonly random: Random;
  readonly conspiracy: Conspiracy;
}

/** Stands between a node and the network, and misbehaves with the node's key. */
export class Impostor {
  readonly #options: ImpostorOptions;
  readonly #behaviours: readonly Behaviour[];

  constructor(options: ImpostorOptions) {
    this.#options = options;
    const { address, conspiracy } = options;
    if (replicaAt(address) !== undefined) conspiracy.coordinators.add(address);
    this.#behaviours = options.behaviours.map((name) => behaviourMakers[name](this.#liar(name)));
  }

  /** What the node sends, after every behaviour has had its way with it. */
  send(sent: Sent, lost?: Lost): void {
    let all: readonly Sent[] = [sent];
    for (const behaviour of this.#behaviours) {
      all = all.flatMap((one) => behaviour.outgoing?.(one) ?? [one]);
    }
    const { network } = this.#options.world;
    for (const { to, packet } of all) network.send(this.#options.address, to, packet, lost);
  }

  written(writes: readonly DiskWrite[]): void {
    for (const behaviour of this.#behaviours) behaviour.written?.(writes);
  }

  around(life: Life<Packet>): Life<Packet> {
    return {
      get load() {
        return life.load;
      },
      linked: (other) => {
        for (const behaviour of this.#behaviours) behaviour.linked?.(other);
        life.linked(other);
      },
      receive: (from, packet, id) => {
        const taken = this.#behaviours.every(
          (behaviour) => behaviour.incoming?.(from, packet) ?? true,
        );
        if (taken) life.receive(from, packet, id);
      },
    };
  }

  #liar(name: LiarName): Liar {
    const { world, address, random, conspiracy } = this.#options;
    const { engine, network, cast, reader, coverage } = world;
    const own = random.fork(name);
    const every = (periodMs: number, run: () => void): void =>
      engine.after(periodMs * own.between(0.5, 1.5), () => {
        run();
        every(periodMs, run);
      });
    return {
      address,
      cast,
      reader,
      random: own,
      conspiracy,
      sign: address.startsWith('client') ? () => new Uint8Array(64) : cast.signOf(address),
      nowMs: () => engine.nowMs,
      send: (to, packet) => network.send(address, to, packet),
      after: (delayMs, run) => engine.after(delayMs, run),
      every,
      nextCall: () => network.nextId(),
      asked: (timestamp, order) => world.asked(address, timestamp, order),
      loseDisk: (downMs) => world.loseDisk(address, downMs),
      lied: () => coverage.count(`liar ${name}`),
      revived: (tid) => world.revived(tid),
    };
  }
}
