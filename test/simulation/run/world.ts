import { newMember } from '../../../src/agreement/core/abstentions.js';
import { requestDigest } from '../../../src/banking/initiator/outbound.js';
import type { Balance } from '../../../src/banking/soap.js';
import { clientId, type TransactionId } from '../../../src/kernel/ids.js';
import { Impostor } from '../byzantine/impostor.js';
import type { Conspiracy } from '../byzantine/liar.js';
import { Witness } from '../checkers/witness.js';
import { Disk, type DiskWrite } from '../engine/disk.js';
import { Engine } from '../engine/engine.js';
import { Network } from '../engine/network.js';
import { type Host, type Life, Process } from '../engine/process.js';
import { Random } from '../engine/random.js';
import { dealSides } from '../engine/twins.js';
import { type Cast, createCast, replicaAt } from '../parties/cast.js';
import type { Mail } from '../parties/mail.js';
import type { Packet } from '../parties/packets.js';
import { Reader } from '../parties/reader.js';
import { isLiar, type Plan } from '../plan/plan.js';
import { Auditor } from './auditor.js';
import { Coverage } from './coverage.js';
import { FaultyDisks } from './faulty-disks.js';
import { bankNames } from './load.js';
import { describe } from './transcript.js';

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

/** Where a run takes place: time, network, keys, and the nodes that are put into it. */
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
  readonly disks = new FaultyDisks(this);
  /** What stopped nodes that must not stop. */
  readonly failures: { readonly address: string; readonly error: unknown }[] = [];
  /** Transactions that liars have tried to have decided again. */
  readonly revivals: TransactionId[] = [];
  /** Slots that some correct replica has forgotten. */
  readonly forgotten = new Set<string>();
  readonly #processes: Process<Packet>[] = [];
  readonly #impostors = new Map<string, Impostor>();
  /** The last question of each replica about each transaction. */
  readonly #questions = new Map<string, string>();
  readonly #conspiracy: Conspiracy = {
    coordinators: new Set(),
    audiences: new Map(),
    proteges: new Set(),
    abortVotes: new Map(),
    overheard: new Map(),
  };
  readonly #narrate: Narrator | undefined;

  constructor(plan: Plan, narrate?: Narrator) {
    this.plan = plan;
    this.#narrate = narrate;
    this.random = new Random(`seed ${plan.seed}`);
    const { n, f, retainedTransactions } = plan;
    this.cast = createCast({ n, f, banks: bankNames(plan), timing, retainedTransactions });
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
      onSent: (from, _to, packet) => {
        this.witness.sent(from, packet);
        this.#overhear(from, packet);
      },
      onDelivered: (from, to, packet) => {
        this.witness.delivered(from, to, packet);
        this.coverage.count('messages delivered');
        if (narrate) this.say(`${from} -> ${to}: ${describe(this.reader, from, packet)}`);
      },
      onFault: (fault) => {
        if (fault !== 'partitioned') this.coverage.count(`fault ${fault}`);
      },
    });
    this.auditor = new Auditor(this.mail('auditor'));
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
    this.disks.open(process);
    if (process.disk.recordCount > 0) this.coverage.count('recoveries from disk');
    this.say(`${process.address} starts with ${process.disk.recordCount} records`);
    process.start();
    this.network.announce(process.address);
  }

  /** A node crashes and comes back with a new disk. */
  loseDisk(address: string, downMs: number): void {
    this.disks.lose(address, downMs);
  }

  loseSomeDisk(random: Random): void {
    this.disks.loseSome(random);
  }

  /** A note of a node's core. */
  noted(address: string, event: string, data: object): void {
    this.coverage.count(`event ${event}`);
    if (this.#narrate) this.say(`${address} notes ${event} ${JSON.stringify(data)}`);
  }

  /** A liar has tried to have this transaction decided again. */
  revived(tid: TransactionId): void {
    this.revivals.push(tid);
    this.say(`${tid} is brought up again by a liar`);
  }

  #countForgotten(address: string, writes: readonly DiskWrite[]): void {
    if (!this.isCorrect(address) || replicaAt(address) === undefined) return;
    for (const { key, value } of writes) {
      if (value === null || !key.startsWith('forgotten/')) continue;
      const slot = key.slice('forgotten/'.length);
      this.forgotten.add(slot);
      if (!slot.startsWith('o:')) continue;
      this.coverage.count('transactions forgotten, at replicas');
      this.say(`${address} forgets ${slot}`);
    }
  }

  /** What liars may learn of others' transactions, and what the summary counts. */
  #overhear(from: string, packet: Packet): void {
    const { overheard } = this.#conspiracy;
    if (packet.kind === 'post') {
      if (!overheard.has(packet.tid)) overheard.set(packet.tid, []);
    } else if (packet.kind === 'register') {
      const statement = this.reader.statement(packet.statement)?.statement;
      if (statement?.kind === 'registration') overheard.set(statement.tid, statement.invitations);
      else this.coverage.count('registrations refused, uninvited or forged');
    } else if (packet.kind === 'peer') this.#countQuestions(from, packet.bytes);
  }

  #countQuestions(from: string, bytes: Uint8Array): void {
    const replica = replicaAt(from);
    if (replica === undefined || !this.isCorrect(from)) return;
    const message = this.reader.peer(replica, bytes)?.message;
    if (message?.kind !== 'fetch-transaction') return;
    const about = `${from} ${message.tid}`;
    const before = this.#questions.get(about);
    if (before !== undefined && before !== message.question) {
      this.coverage.count('questions asked again');
    }
    this.#questions.set(about, message.question);
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

  /** A node that runs once. */
  add(address: string, boot: (host: Host) => Life<Packet>): void {
    const process = this.#process(address, address, boot);
    this.#processes.push(process);
    this.network.attach(process);
  }

  /** Two copies of one replica. */
  addTwins(address: string, boot: (host: Host, twin: string) => Life<Packet>): void {
    const random = this.random.fork(`twins ${address}`);
    const hears = dealSides(this.engine, random, () => this.network.addresses);
    for (const twin of ['a', 'b'] as const) {
      const process = this.#process(address, `${address}${twin}`, (host) => boot(host, twin));
      this.#processes.push(process);
      this.network.attach(process, hears(twin));
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
        onWritten: (writes) => {
          this.witness.written(address, writes);
          impostor?.written(writes);
          this.#countForgotten(address, writes);
        },
        records: replicaAt(address) === undefined ? [] : newMember,
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

  /** The way out of a node: of a liar, by way of its behaviours. */
  mail(address: string): Mail {
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
