import type { Transfer } from '../../../src/banking/soap.js';
import type { TransactionId } from '../../../src/kernel/ids.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Engine } from '../engine/engine.js';
import type { Network } from '../engine/network.js';
import type { Life } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import { type Cast, replicaAt } from '../kit/cast.js';
import type { Coverage } from '../kit/coverage.js';
import { Impostor } from '../kit/impostor.js';
import type { LiarTools } from '../kit/liar.js';
import type { Packet } from '../parties/packets.js';
import type { Reader } from '../parties/reader.js';
import type { Behaviour, Conspiracy, Liar } from './liar.js';
import { behaviourMakers, type LiarName } from './library.js';

export interface TransactionImpostorOptions {
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

/** An impostor whose behaviours see its disk and its links, too. */
export class TransactionImpostor extends Impostor<string, Packet, LiarName, Behaviour> {
  constructor(options: TransactionImpostorOptions) {
    const { world, address, behaviours, random, conspiracy } = options;
    if (replicaAt(address) !== undefined) conspiracy.coordinators.add(address);
    super({
      ...{ engine: world.engine, coverage: world.coverage, random, behaviours },
      make: (name, tools) => behaviourMakers[name](liarOf(options, tools)),
      transmit: (to, packet, lost) => world.network.send(address, to, packet, lost),
    });
  }

  written(writes: readonly DiskWrite[]): void {
    for (const behaviour of this.behaviours) behaviour.written?.(writes);
  }

  around(life: Life<Packet>): Life<Packet> {
    return {
      get load() {
        return life.load;
      },
      linked: (other) => {
        for (const behaviour of this.behaviours) behaviour.linked?.(other);
        life.linked(other);
      },
      receive: (from, packet, id) => {
        if (this.receives(from, packet)) life.receive(from, packet, id);
      },
    };
  }
}

function liarOf(
  { world, address, conspiracy }: TransactionImpostorOptions,
  tools: LiarTools<string, Packet>,
): Liar {
  const { network, cast, reader } = world;
  return {
    ...tools,
    address,
    cast,
    reader,
    conspiracy,
    sign: address.startsWith('client') ? () => new Uint8Array(64) : cast.signOf(address),
    nextCall: () => network.nextId(),
    asked: (timestamp, order) => world.asked(address, timestamp, order),
    loseDisk: (downMs) => world.loseDisk(address, downMs),
    revived: (tid) => world.revived(tid),
  };
}
