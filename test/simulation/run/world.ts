import { newMember } from '../../../src/agreement/core/abstentions.js';
import { requestDigest } from '../../../src/banking/initiator/outbound.js';
import type { Balance } from '../../../src/banking/soap.js';
import { clientId, type TransactionId } from '../../../src/kernel/ids.js';
import { TransactionImpostor } from '../byzantine/impostor.js';
import type { Conspiracy } from '../byzantine/liar.js';
import { Witness } from '../checkers/witness.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Host, Life, Process } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import { createCast, replicaAt } from '../kit/cast.js';
import { type Narrator, type Node, World } from '../kit/world.js';
import type { Mail } from '../parties/mail.js';
import type { Packet } from '../parties/packets.js';
import { Reader } from '../parties/reader.js';
import { isLiar, type Plan } from '../plan/plan.js';
import { Auditor } from './auditor.js';
import { FaultyDisks } from './faulty-disks.js';
import { bankNames } from './load.js';
import { describe } from './transcript.js';

/** The world of transactions: coordinators, initiators, banks, clients and an auditor. */
export class TransactionsWorld extends World<Plan, Packet> {
  readonly reader: Reader;
  readonly witness: Witness;
  readonly opening = new Map<string, readonly Balance[]>();
  readonly auditor: Auditor;
  readonly disks = new FaultyDisks(this);
  /** Transactions that liars have tried to have decided again. */
  readonly revivals: TransactionId[] = [];
  /** Slots that some correct replica has forgotten. */
  readonly forgotten = new Set<string>();
  readonly #impostors = new Map<string, TransactionImpostor>();
  /** The last question of each replica about each transaction. */
  readonly #questions = new Map<string, string>();
  readonly #conspiracy: Conspiracy = {
    coordinators: new Set(),
    audiences: new Map(),
    proteges: new Set(),
    abortVotes: new Map(),
    overheard: new Map(),
  };

  constructor(plan: Plan, narrate?: Narrator) {
    const { seed, n, f, retainedTransactions, agreement } = plan;
    const cast = createCast({ n, f, banks: bankNames(plan), retainedTransactions, agreement });
    super({ plan, seed: `seed ${seed}`, cast, narrate });
    this.reader = new Reader(cast);
    this.witness = new Witness({
      cast,
      reader: this.reader,
      nowMs: () => this.engine.nowMs,
      isCorrect: (address) => this.isCorrect(address),
    });
    this.auditor = new Auditor(this.mail('auditor'));
  }

  isCorrect(address: string): boolean {
    return !isLiar(this.plan, address);
  }

  protected kindOf({ kind }: Packet): string {
    return kind;
  }

  protected describe(from: string, packet: Packet): string {
    return describe(this.reader, from, packet);
  }

  protected onSent(from: string, packet: Packet): void {
    this.witness.sent(from, packet);
    this.#overhear(from, packet);
  }

  protected override onDelivered(from: string, to: string, packet: Packet): void {
    this.witness.delivered(from, to, packet);
  }

  override start(process: Process<Packet>): void {
    if (!process.isUp) this.disks.open(process);
    super.start(process);
  }

  /** A node crashes and comes back with a new disk. */
  loseDisk(address: string, downMs: number): void {
    this.disks.lose(address, downMs);
  }

  loseSomeDisk(random: Random): void {
    this.disks.loseSome(random);
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
    this.addNode(this.#nodeOf(address, address, boot));
  }

  /** Two copies of one replica. */
  addReplicaTwins(address: string, boot: (host: Host, twin: string) => Life<Packet>): void {
    this.addTwins(address, (twin, label) =>
      this.#nodeOf(address, label, (host) => boot(host, twin)),
    );
  }

  #nodeOf(address: string, label: string, boot: (host: Host) => Life<Packet>): Node<Packet> {
    const impostor = this.#impostor(address, label);
    return {
      address,
      boot: (host) => impostor?.around(boot(host)) ?? boot(host),
      records: replicaAt(address) === undefined ? [] : newMember,
      onWritten: (writes) => {
        this.witness.written(address, writes);
        impostor?.written(writes);
        this.#countForgotten(address, writes);
      },
    };
  }

  /** The behaviours of a liar, which outlive its restarts. */
  #impostor(address: string, label: string): TransactionImpostor | undefined {
    const behaviours = this.plan.liars.find((liar) => liar.address === address)?.behaviours;
    if (!behaviours) return undefined;
    const impostor = new TransactionImpostor({
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
        if (impostor) impostor.send(to, packet, lost);
        else this.network.send(address, to, packet, lost);
      },
    };
  }
}
