import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { clientId } from '../../../src/kernel/ids.js';
import { inBatches } from '../../../src/ordering/core/pending.js';
import { orderingLimits } from '../../../src/ordering/fields.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import { Random } from '../../../test/simulation/engine/random.js';
import { withPrimary } from '../../simulated/cluster.js';
import { endWithParent } from '../../support/end-with-parent.js';
import { mean, percentile } from '../../support/statistics.js';
import {
  type Answers,
  ClientLink,
  decodeAnswers,
  encodeRequests,
  markShared,
  signRequest,
} from './client-link.js';
import {
  clientName,
  type FromClient,
  type LoadSettings,
  type Setup,
  type Timeline,
  type ToClient,
} from './control.js';

/** What one frame may hold. */
const frame = { batchRequestsMax: 1024, batchBytesMax: orderingLimits.batchBytes };
/** How often requests leave where the load is a rate. */
const paceMs = 2;

interface Client {
  readonly index: number;
  number: number;
  startedMs: number;
  /** The position of the first answer, and which replicas have given it. */
  position: number;
  answeredBy: number;
  /** What the first replica has said before it executed, and which have said the same. */
  said: number;
  saidBy: number;
  isAnswered: boolean;
}

/** One connection to each replica, from one place. */
type Links = readonly ClientLink[];

/** All clients of a group: each has one request under way, and sends the next when it is answered. */
class Clients {
  /** Of each place. */
  readonly #links: readonly Links[];
  readonly #setup: Setup;
  /** What leaves soon, by connection. */
  readonly #outgoing = new Map<ClientLink, OrderingRequest[]>();
  readonly #random = new Random('clients');
  readonly #tell: (message: FromClient) => void;
  readonly #key;
  /** Numbers go on rising from load to load. */
  #numbers = 0;
  #clients: Client[] = [];
  #load: LoadSettings | undefined;
  #underWay = 0;
  #unanswered = 0;
  #latencies: number[] = [];
  #answeredMs: number[] = [];
  #answeredClients: number[] = [];
  #requests = 0;
  #begunMs = 0;
  /** Clients that wait for their turn, where the load is a rate. */
  #idle: Client[] = [];

  constructor(setup: Setup, links: readonly Links[], tell: (message: FromClient) => void) {
    this.#setup = setup;
    this.#links = links;
    this.#tell = tell;
    this.#key = createPrivateKey(setup.clientPrivateKey ?? '');
  }

  on(message: ToClient): void {
    switch (message.kind) {
      case 'load':
        return this.#start(message.load);
      case 'stop':
        this.#load = undefined;
        for (const client of this.#idle.splice(0)) this.#retire(client);
        if (this.#underWay === 0) this.#tell({ kind: 'quiet' });
        return;
      case 'begin':
        this.#latencies = [];
        this.#answeredMs = [];
        this.#answeredClients = [];
        // Those under way are answered within the window.
        this.#requests = this.#underWay - this.#idle.length;
        this.#begunMs = performance.now();
        return this.#tell({ kind: 'begun' });
      case 'end':
        return this.#tell({ kind: 'window', window: this.#window() });
      case 'tell':
        return this.#tell({ kind: 'told', timeline: this.#timeline() });
    }
  }

  /** What comes to one place is for the clients that are there. */
  onAnswers(place: number, replica: number, { position, said, answered }: Answers): void {
    for (let at = 0; at < answered.length; at += 2) {
      const client = this.#clients[answered[at] ?? -1];
      if (!client || client.number !== answered[at + 1]) continue;
      if (client.index % this.#links.length !== place) continue;
      if (said !== 0) {
        this.#onSaid(client, replica, said);
        continue;
      }
      if (client.answeredBy === 0) client.position = position;
      if (client.position !== position) throw new Error('replicas give different answers');
      client.answeredBy |= 1 << replica;
      if (bitsIn(client.answeredBy) === this.#setup.faults + 1) this.#onAnswered(client);
    }
  }

  /** What all replicas say alike is decided. */
  #onSaid(client: Client, replica: number, said: number): void {
    if (client.saidBy === 0) client.said = said;
    if (client.said !== said) return;
    client.saidBy |= 1 << replica;
    if (bitsIn(client.saidBy) === this.#setup.entries.length) this.#onAnswered(client);
  }

  #window() {
    const seconds = (performance.now() - this.#begunMs) / 1000;
    const latencies = this.#latencies;
    return {
      requests: latencies.length,
      seconds,
      meanMs: mean(latencies),
      p50Ms: percentile(latencies, 50),
      p99Ms: percentile(latencies, 99),
    };
  }

  #timeline(): Timeline {
    const answeredMs = this.#answeredMs.map((atMs) => atMs - this.#begunMs);
    const [latenciesMs, clients] = [this.#latencies, this.#answeredClients];
    return { requests: this.#requests, answeredMs, latenciesMs, clients };
  }

  #start(load: LoadSettings): void {
    this.#load = load;
    this.#unanswered = load.clients;
    this.#clients = Array.from({ length: load.clients }, (_, index) => ({
      index,
      number: this.#numbers,
      startedMs: 0,
      position: 0,
      answeredBy: 0,
      said: 0,
      saidBy: 0,
      isAnswered: false,
    }));
    this.#underWay = load.clients;
    this.#idle = [];
    for (const client of this.#clients) this.#next(client, load);
    if (load.perSecond !== undefined) this.#keepPace(load, load.perSecond);
  }

  /** As many requests as the time since the start allows, as far as there are clients that are idle. */
  #keepPace(load: LoadSettings, perSecond: number): void {
    const startedMs = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      if (this.#load !== load) return clearInterval(timer);
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
      while (sent < due) {
        const client = this.#idle.shift();
        if (!client) return;
        this.#next(client, load);
        sent += 1;
      }
    }, paceMs);
  }

  #onAnswered(client: Client): void {
    if (client.isAnswered) return;
    client.isAnswered = true;
    const nowMs = performance.now();
    this.#latencies.push(nowMs - client.startedMs);
    this.#answeredMs.push(nowMs);
    this.#answeredClients.push(client.index);
    if (this.#unanswered > 0) {
      this.#unanswered -= 1;
      if (this.#unanswered === 0) this.#tell({ kind: 'loaded' });
    }
    if (this.#load?.perSecond !== undefined) return void this.#idle.push(client);
    if (this.#load) return this.#next(client, this.#load);
    this.#retire(client);
  }

  #retire(client: Client): void {
    this.#underWay -= 1;
    this.#numbers = Math.max(this.#numbers, client.number);
    client.number = 0;
    if (this.#underWay === 0) this.#tell({ kind: 'quiet' });
  }

  #next(client: Client, load: LoadSettings): void {
    const { requestBytes, sign, operations = 1, homes, contention = 0 } = load;
    client.number += 1;
    client.answeredBy = 0;
    client.saidBy = 0;
    client.isAnswered = false;
    client.startedMs = performance.now();
    this.#requests += 1;
    const name = clientName(client.index, sign);
    const payload = new Uint8Array(operations * requestBytes);
    if (contention > 0 && this.#random.chance(contention)) markShared(payload);
    const request: OrderingRequest = {
      client: clientId(name),
      number: client.number,
      payload: sign ? signRequest(this.#key, name, client.number, payload) : payload,
    };
    const links = this.#links[client.index % this.#links.length];
    const link = links?.[this.#homeOf(client, homes)];
    if (link) this.#queue(link, request);
  }

  /** The primary, where there is one; else each client has a replica of its own. */
  #homeOf({ index }: Client, homes: LoadSettings['homes']): number {
    if (homes) return homes[index % homes.length] ?? 0;
    return withPrimary.has(this.#setup.engine) ? 0 : index % this.#setup.entries.length;
  }

  #queue(link: ClientLink, request: OrderingRequest): void {
    const outgoing = this.#outgoing.get(link) ?? [];
    outgoing.push(request);
    this.#outgoing.set(link, outgoing);
    if (outgoing.length === 1) setImmediate(() => this.#flush(link, outgoing));
  }

  #flush(link: ClientLink, outgoing: readonly OrderingRequest[]): void {
    this.#outgoing.delete(link);
    for (const batch of inBatches(outgoing, frame)) link.send(encodeRequests(batch));
  }
}

function bitsIn(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

async function main(setup: Setup): Promise<void> {
  const tell = (message: FromClient) => void process.send?.(message);
  const places = setup.clientAddresses.map((localAddress, place) =>
    Promise.all(
      setup.entries.map(async ({ host, port }, replica) => {
        const socket = connect({ host, port, localAddress });
        await once(socket, 'connect');
        // A replica that is killed on purpose.
        socket.on('error', () => socket.destroy());
        return new ClientLink(socket, (bytes) =>
          clients.onAnswers(place, replica, decodeAnswers(bytes)),
        );
      }),
    ),
  );
  const links = await Promise.all(places);
  const clients = new Clients(setup, links, tell);
  process.on('message', (message: ToClient) => clients.on(message));
  tell({ kind: 'ready' });
}

// The group that started this one is gone.
endWithParent();
await main(JSON.parse(process.argv[2] ?? '{}'));
