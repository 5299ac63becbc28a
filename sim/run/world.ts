import { createHash } from 'node:crypto';
import { CoordinatorCore } from '../../src/core/transaction/coordinator.js';
import { Initiator } from '../../src/core/transaction/initiator.js';
import type { Balance } from '../../src/edge/soap/banking.js';
import { BankCore } from '../../src/role/bank/bank-core.js';
import { requestDigest } from '../../src/role/initiator/order.js';
import { clientId } from '../../src/vocabulary/ids.js';
import { Impostor } from '../byzantine/impostor.js';
import type { Conspiracy } from '../byzantine/liar.js';
import { Witness } from '../checkers/witness.js';
import { Disk } from '../engine/disk.js';
import { Engine } from '../engine/engine.js';
import { Network } from '../engine/network.js';
import { type Host, type Life, Process } from '../engine/process.js';
import { Random } from '../engine/random.js';
import { type BankFactory, BankParty } from '../parties/bank.js';
import { type Cast, createCast } from '../parties/cast.js';
import { ClientParty } from '../parties/client.js';
import { type CoordinatorFactory, CoordinatorParty } from '../parties/coordinator.js';
import { type InitiatorFactory, InitiatorParty } from '../parties/initiator.js';
import type { Mail } from '../parties/mail.js';
import type { Packet } from '../parties/packets.js';
import { Reader } from '../parties/reader.js';
import { isLiar, type Plan } from '../plan/plan.js';
import { Auditor } from './auditor.js';
import { Coverage } from './coverage.js';
import { bankNames, errandsOf, openingAccounts } from './load.js';
import { describe } from './transcript.js';

/** The production cores, or what a test puts in their place to see it caught. */
export interface Cores {
  readonly coordinator: CoordinatorFactory;
  readonly initiator: InitiatorFactory;
  readonly bank: BankFactory;
}

export const productionCores: Cores = {
  coordinator: (options) => new CoordinatorCore(options),
  initiator: (options) => new Initiator(options),
  bank: (options, accounts) => new BankCore(options, accounts),
};

export const timing = {
  suspectAfterMs: 2000,
  resendAfterMs: 500,
  voteTimeoutMs: 5000,
  defaultExpiresMs: 30_000,
};

/** Clocks run at most this much too fast, or too slow. */
export const DRIFT_MAX = 0.1;

/** Gets each line of the transcript. */
export type Narrator = (line: string) => void;

/** A whole system, built from a plan, and nothing wrong with it yet. */
export class World {
  readonly plan: Plan;
  readonly engine = new Engine();
  readonly random: Random;
  readonly cast: Cast;
  readonly reader: Reader;
  readonly coverage = new Coverage();
  readonly witness: Witness;
  readonly network: Network<Packet>;
  readonly opening = new Map<string, readonly Balance[]>();
  readonly auditor: Auditor;
  /** What stopped nodes that must not stop. */
  readonly failures: { readonly address: string; readonly error: unknown }[] = [];
  readonly #processes: Process<Packet>[] = [];
  readonly #impostors = new Map<string, Impostor>();
  readonly #conspiracy: Conspiracy = {
    coordinators: new Set(),
    audiences: new Map(),
    proteges: new Set(),
    abortVotes: new Map(),
  };
  readonly #narrate: Narrator | undefined;
  readonly #cores: Cores;

  constructor(plan: Plan, cores: Cores = productionCores, narrate?: Narrator) {
    this.plan = plan;
    this.#narrate = narrate;
    this.#cores = cores;
    this.random = new Random(`seed ${plan.seed}`);
    const banks = bankNames(plan);
    this.cast = createCast({ n: plan.n, f: plan.f, banks, timing });
    this.reader = new Reader(this.cast);
    this.witness = new Witness({
      cast: this.cast,
      reader: this.reader,
      nowMs: () => this.engine.nowMs,
      isCorrect: (address) => this.isCorrect(address),
    });
    this.network = new Network({
      engine: this.engine,
      random: this.random.fork('network'),
      kindOf: ({ kind }) => kind,
      onSent: (from, _to, packet) => this.witness.sent(from, packet),
      onDelivered: (from, to, packet) => {
        this.witness.delivered(from, to, packet);
        this.coverage.count('messages delivered');
        if (narrate) this.say(`${from} -> ${to}: ${describe(this.reader, from, packet)}`);
      },
      onFault: (fault) => {
        if (fault !== 'partitioned') this.coverage.count(`fault ${fault}`);
      },
    });
    this.auditor = new Auditor(this.#mail('auditor'));
    this.#populate(banks);
  }

  get processes(): readonly Process<Packet>[] {
    return this.#processes;
  }

  isCorrect(address: string): boolean {
    return !isLiar(this.plan, address);
  }

  /** A line of the transcript. */
  say(line: string): void {
    this.#narrate?.(`${this.engine.nowMs.toFixed(1).padStart(9)} ms  ${line}`);
  }

  start(process: Process<Packet>): void {
    if (process.isUp) return;
    if (process.disk.recordCount > 0) this.coverage.count('recoveries from disk');
    this.say(`${process.address} starts with ${process.disk.recordCount} records`);
    process.start();
    this.network.announce(process.address);
  }

  /** A node crashes and comes back with a new disk. */
  loseDisk(address: string, downMs: number): void {
    for (const process of this.#processes) {
      if (process.address !== address || !process.isUp) continue;
      process.crash();
      process.disk.wipe();
      this.say(`${address} loses its disk`);
      this.engine.after(downMs, () => this.start(process));
    }
  }

  #populate(banks: readonly string[]): void {
    const { coordinators, initiators, participants } = this.cast.cluster;
    for (const { name, id } of coordinators) {
      if (this.plan.twins.includes(name)) {
        this.#addTwins(name, (host, twin) => this.#coordinator(name, id, host, twin));
      } else this.#add(name, (host) => this.#coordinator(name, id, host));
    }
    for (const { name, id } of initiators) {
      this.#add(name, (host) => {
        const createCore = this.#cores.initiator;
        return new InitiatorParty({ ...this.#party(name, host), self: id, createCore });
      });
    }
    for (const [index, { name, id }] of participants.entries()) {
      const accounts = openingAccounts(this.plan, index);
      this.opening.set(name, accounts);
      this.#add(name, (host) => {
        const createCore = this.#cores.bank;
        const own = { self: id, openingAccounts: accounts, createCore };
        return new BankParty({ ...this.#party(name, host), ...own });
      });
    }
    this.#add('auditor', () => this.auditor);
    for (const process of this.#processes) this.start(process);
    for (let index = 0; index < this.plan.clients; index += 1) this.#addClient(index, banks);
  }

  #coordinator(name: string, self: CoordinatorId, host: Host, twin = ''): Life<Packet> {
    const birth = `entropy of ${name}${twin} at ${this.engine.nowMs}, seed ${this.plan.seed}`;
    const entropy = createHash('sha256').update(birth).digest();
    const createCore = this.#cores.coordinator;
    return new CoordinatorParty({ ...this.#party(name, host), self, entropy, createCore });
  }

  #party(name: string, host: Host) {
    const { cast, reader } = this;
    const log = (event: string, data: object): void => {
      this.coverage.count(`event ${event}`);
      if (this.#narrate) this.say(`${name} notes ${event} ${JSON.stringify(data)}`);
    };
    return { cast, reader, mail: this.#mail(name), host, log };
  }

  #addClient(index: number, banks: readonly string[]): void {
    const address = `client-${index}`;
    const errands = errandsOf(this.plan, index, banks);
    this.#add(address, (host) => {
      const mail = this.#mail(address);
      const digestOf = (timestamp: number, order: (typeof errands)[number]['order']) =>
        requestDigest(this.cast.cluster.id, { client: clientId(address), timestamp }, order);
      return new ClientParty({
        cast: this.cast,
        mail,
        host,
        address,
        errands,
        onAsked: (timestamp, order) => this.asked(address, timestamp, order),
        onVerdict: (timestamp, verdict) => {
          for (const { order } of errands) {
            const request = this.witness.requests.get(digestOf(timestamp, order));
            if (request) request.verdict = verdict;
          }
          this.say(`${address} believes ${JSON.stringify(verdict)}`);
        },
      });
    });
    const process = this.#processes.at(-1);
    if (process) this.start(process);
  }

  /** A client, honest or not, signs a request. */
  asked(client: string, timestamp: number, order: Parameters<typeof requestDigest>[2]): void {
    const header = { client: clientId(client), timestamp };
    this.witness.requested({
      client,
      timestamp,
      digest: requestDigest(this.cast.cluster.id, header, order),
      order,
      isOfCorrectClient: this.isCorrect(client),
      atMs: this.engine.nowMs,
    });
  }

  #add(address: string, boot: (host: Host) => Life<Packet>): void {
    const process = this.#process(address, address, boot);
    this.#processes.push(process);
    this.network.attach(process);
  }

  /** Two copies of one replica. Whom each of them hears changes every now and then. */
  #addTwins(address: string, boot: (host: Host, twin: string) => Life<Packet>): void {
    const random = this.random.fork(`twins ${address}`);
    const sides = new Map<string, 'a' | 'b' | 'both'>();
    const deal = (): void => {
      for (const other of this.network.addresses) {
        sides.set(other, random.pick(['a', 'a', 'b', 'b', 'both'] as const));
      }
      this.engine.after(random.between(500, 8000), deal);
    };
    this.engine.after(0, deal);
    for (const twin of ['a', 'b'] as const) {
      const process = this.#process(address, `${address}${twin}`, (host) => boot(host, twin));
      this.#processes.push(process);
      this.network.attach(process, (from) => {
        const side = sides.get(from) ?? 'both';
        return side === twin || side === 'both';
      });
    }
  }

  #process(address: string, label: string, boot: (host: Host) => Life<Packet>): Process<Packet> {
    const random = this.random.fork(`process ${label}`);
    const drift = this.plan.faults['clock-drift'] ?? 0;
    const impostor = this.#impostor(address, label);
    if (drift > 0) this.coverage.count('fault clock-drift');
    return new Process({
      engine: this.engine,
      address,
      disk: new Disk({
        engine: this.engine,
        random: random.fork('disk'),
        onCrashedWrite: (fate) => this.coverage.count(`fault write ${fate}`),
        onWritten: (writes) => this.witness.written(address, writes),
      }),
      clockRate: 1 + drift * random.between(-DRIFT_MAX, DRIFT_MAX),
      clockOffsetMs: 1_000_000 + drift * random.between(0, 5000),
      boot: (host) => impostor?.around(boot(host)) ?? boot(host),
      onFailure: (error) => {
        this.say(`${address} fails: ${error instanceof Error ? error.stack : String(error)}`);
        if (this.isCorrect(address)) this.failures.push({ address, error });
      },
    });
  }

  /** The behaviours of a liar, which outlive its restarts. */
  #impostor(address: string, label: string): Impostor | undefined {
    const behaviours = this.plan.liars.find((liar) => liar.address === address)?.behaviours;
    if (!behaviours) return undefined;
    const impostor = new Impostor({
      world: this,
      address,
      behaviours,
      random: this.random.fork(`liar ${label}`),
      conspiracy: this.#conspiracy,
    });
    this.#impostors.set(address, impostor);
    return impostor;
  }

  #mail(address: string): Mail {
    return {
      // What a process draws after a restart it has not drawn before.
      random: this.random.fork(`mail ${address} at ${this.engine.nowMs}`),
      nextCall: () => this.network.nextId(),
      send: (to, packet, lost) => {
        const impostor = this.#impostors.get(address);
        if (impostor) impostor.send({ to, packet }, lost);
        else this.network.send(address, to, packet, lost);
      },
    };
  }
}

type CoordinatorId = Cast['cluster']['coordinators'][number]['id'];
