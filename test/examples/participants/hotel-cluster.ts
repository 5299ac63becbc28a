import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type StartService, TestCluster } from '../../../src/api/test-cluster.js';
import { claimPorts } from '../../../src/cli/local/port-range.js';
import {
  call,
  commit,
  type InitiatorApplication,
  rollback,
} from '../../../src/service/initiator/procedures.js';
import { startParticipant } from '../../../src/service/participant/participant-node.js';
import { Table, type TableWork } from '../../../src/service/participant/table.js';
import { eventually } from '../../system/support/eventually.js';
import { OwnProcess } from './own-process.js';
import { Tripwire, type When } from './tripwire.js';

const main = join(import.meta.dirname, '../../../dist/src/cli/main.js');
const price = 90;

interface Order {
  readonly guest: string;
  /** Whether the procedure gives the transaction up after the hotel has tried. */
  readonly fails: boolean;
}

const travel: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ payload }) {
      const { guest, fails } = payload as unknown as Order;
      const [room] = yield [call('hotel', 'reserve', { guest })];
      if (fails) return rollback('ChangedMind');
      yield [call('till', 'charge', price)];
      return commit(room?.kind === 'done' ? room.result : null);
    },
  },
};

const charge = async (till: TableWork, { payload }: { readonly payload: unknown }) => {
  await till.set('taken', Number(await till.get('taken')) + Number(payload));
};

interface Room {
  readonly state: 'free' | 'held' | 'booked';
  readonly guest: string | null;
}

/** Whom a test kills. */
export type Victim = 'service' | 'sidecar';

/**
 * A cluster with a till of the kit's own, and a hotel in another language behind a sidecar: three kinds of process. The
 * sidecar reaches the hotel by a wire at which either can be killed.
 */
export class HotelCluster {
  readonly #till = new Table({ taken: 0 });
  readonly #guests: string[] = [];
  #cluster: TestCluster | undefined;
  #processes: Readonly<Record<Victim, OwnProcess>> | undefined;
  #tripwire: Tripwire | undefined;
  #release: () => Promise<void> = async () => {};
  #directory = '';
  #roomsUrl = '';

  /** `commandOf`: runs the hotel on a port, with its data at a path. */
  async start(commandOf: (port: number, data: string) => readonly string[]): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'concordat-hotel-'));
    const { basePort: port, release } = await claimPorts();
    this.#release = release;
    this.#roomsUrl = `http://127.0.0.1:${port}/rooms`;
    const service = new OwnProcess(commandOf(port, join(this.#directory, 'data')), this.#roomsUrl);
    await service.start();
    this.#tripwire = await Tripwire.start(port);
    this.#cluster = await TestCluster.start({
      applications: [travel],
      services: {
        hotel: this.#startSidecar(service),
        till: (node) => startParticipant({ ...node, operations: { charge }, resource: this.#till }),
      },
    });
  }

  async stop(): Promise<void> {
    await this.#cluster?.stop();
    await this.#processes?.service.end('SIGKILL');
    await this.#tripwire?.stop();
    await this.#release();
    await rm(this.#directory, { recursive: true });
  }

  async order(guest: string, fails = false) {
    const result = await this.#the(this.#cluster).procedures.run(
      { application: 'travel', procedure: 'book', payload: { guest, fails } },
      { timeoutMs: 60_000 },
    );
    if (result.outcome === 'committed') this.#guests.push(guest);
    return result;
  }

  /** Kills the victim at the next message to this path, and starts it again. */
  killAt(path: string, when: When, victim: Victim): { readonly isBack: () => Promise<void> } {
    let back: Promise<void> = Promise.reject(new Error('nobody was killed'));
    back.catch(() => undefined);
    this.#the(this.#tripwire).set(path, when, async () => {
      const process = this.#the(this.#processes)[victim];
      await process.end('SIGKILL');
      back = process.start();
    });
    return {
      isBack: async () => {
        await eventually('somebody is killed', () => this.#the(this.#tripwire).isDown);
        await eventually('it is back', () => back.then(() => true));
      },
    };
  }

  /** Waits until nothing is held, and the hotel and the till have just what committed. */
  async settle(): Promise<void> {
    const expected = [...this.#guests].sort();
    await eventually('the sums are right', async () => {
      const rooms = await this.#rooms();
      const booked = rooms.filter(({ state }) => state === 'booked').map(({ guest }) => guest);
      return (
        this.#the(this.#tripwire).isAnswered &&
        rooms.every(({ state }) => state !== 'held') &&
        JSON.stringify(booked.sort()) === JSON.stringify(expected) &&
        this.#till.peek('taken') === price * expected.length
      );
    });
  }

  async #rooms(): Promise<readonly Room[]> {
    return (await (await fetch(this.#roomsUrl)).json()) as readonly Room[];
  }

  /** Runs `concordat run` with the sidecar's file, as an operator does. */
  #startSidecar(service: OwnProcess): StartService {
    return async ({ node, cluster }) => {
      const file = join(dirname(node.clusterFile), 'nodes', `${node.name}.json`);
      const sidecar = { url: this.#the(this.#tripwire).url, checkAfterMs: 1000 };
      const content = JSON.parse(await readFile(file, 'utf8'));
      await writeFile(file, JSON.stringify({ ...content, sidecar }));
      const { url = '' } = cluster.participants.find(({ name }) => name === node.name) ?? {};
      const process = new OwnProcess(
        [globalThis.process.execPath, main, 'run', file],
        `${url}/healthz`,
      );
      await process.start();
      this.#processes = { service, sidecar: process };
      return { url, stop: () => process.end('SIGTERM') };
    };
  }

  #the<Part>(part: Part | undefined): Part {
    if (part === undefined) throw new Error('it is not started');
    return part;
  }
}
