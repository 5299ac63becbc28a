import { decodeDecisionProof } from '../../src/agreement/certificate.js';
import { verifyPeerMessage, verifyStatement } from '../../src/agreement/check-message.js';
import { newMember } from '../../src/agreement/core/abstentions.js';
import {
  type DecisionProof,
  type PeerMessage,
  type Slot,
  slotKey,
} from '../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import { type AnyStatement, signStatement } from '../../src/agreement/signing.js';
import type { Statement } from '../../src/agreement/statements.js';
import type { AgreementName } from '../../src/kernel/cluster.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import type { Signed, Verified } from '../../src/kernel/signed.js';
import {
  CoordinatorCore,
  type CoordinatorOptions,
} from '../../src/transaction/coordinator/core/coordinator.js';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../src/transaction/coordinator/core/messages.js';
import { CoreRig } from './core-rig.js';
import { testCluster } from './keys.js';

/** What may happen to a message on its way. An empty list drops it. */
export type Tamper = (from: number, to: number, message: PeerMessage) => readonly PeerMessage[];

export interface RigOptions {
  readonly n?: number;
  readonly f?: number;
  readonly seed?: number;
  readonly participants?: string[];
  /** Finished transactions that each replica remembers; 5,000 unless given. */
  readonly retainedTransactions?: number;
  /** Outcomes that one participant may leave unacknowledged; 256 unless given. */
  readonly owedTransactions?: number;
  /** Forgotten transactions whose proofs each replica still shows; none unless given. */
  readonly shownTransactions?: number;
  /** How they agree; three phases unless given. */
  readonly agreement?: AgreementName;
  /** Its replicas start without the stores that were made together with their keys. */
  readonly withoutStores?: boolean;
  /** A core that is broken on purpose, in place of the production one. */
  readonly createCore?: (options: CoordinatorOptions) => CoordinatorCore;
}

/** All coordinator cores of a cluster on one queue of events, in virtual time, from one seed. */
export class Rig extends CoreRig<CoordinatorInput, CoordinatorOutput, CoordinatorCore> {
  tamper: Tamper = (_from, _to, message) => [message];
  /** Sees every output but messages to peers, storage and timers. */
  onOutput: (replica: number, output: CoordinatorOutput) => void = () => {};
  /** Messages take 1 ms up to this. */
  latencyMaxMs = 5;
  /** Where it is given: how long each message takes. */
  delayMs: ((from: number, to: number) => number) | undefined;
  readonly #createCore: (options: CoordinatorOptions) => CoordinatorCore;
  readonly #retainedTransactions: number;
  readonly #owedTransactions: number;
  readonly #shownTransactions: number;

  constructor(options: RigOptions = {}) {
    super(testCluster(options), options.seed ?? 1, 0);
    this.#createCore = options.createCore ?? ((own) => new CoordinatorCore(own));
    this.#retainedTransactions = options.retainedTransactions ?? 5000;
    this.#owedTransactions = options.owedTransactions ?? 256;
    this.#shownTransactions = options.shownTransactions ?? 0;
    const records = options.withoutStores ? [] : newMember;
    for (let i = 0; i < this.n; i += 1) {
      this.addProcess(new Map(records.map(({ key, value }) => [key, value])));
      this.start(i);
    }
  }

  core(replica: number): CoordinatorCore {
    const core = this.coreOf(replica);
    if (!core) throw new Error(`replica ${replica} is down`);
    return core;
  }

  /** Starts a replica from its store. */
  start(replica: number): void {
    const { cluster } = this.parties;
    const core = this.#createCore({
      cluster: cluster.id,
      resilience: cluster.resilience,
      agreement: cluster.agreement,
      self: replica as ReplicaId,
      initiators: cluster.initiators.map(({ id }) => id),
      suspectAfterMs: cluster.timing.suspectAfterMs,
      resendAfterMs: cluster.timing.resendAfterMs,
      voteTimeoutMs: cluster.timing.voteTimeoutMs,
      retainedTransactions: this.#retainedTransactions,
      owedTransactions: this.#owedTransactions,
      shownTransactions: this.#shownTransactions,
      entropy: new TextEncoder().encode(`entropy of ${replica} at ${this.nowMs}`),
      sign: this.parties.replicaSign(replica),
    });
    this.startCore(replica, core);
  }

  /** It crashes, and its disk is replaced by an empty one. */
  loseDisk(replica: number): void {
    this.crash(replica);
    this.storeOf(replica).clear();
  }

  /** What the replica's store holds as decided. */
  decision(replica: number, slot: Slot): DecisionProof | undefined {
    const stored = this.storeOf(replica).get(`decided/${slotKey(slot)}`);
    return stored && decodeDecisionProof(this.parties.cluster.id, stored);
  }

  /** Throws where two replicas have decided differently, down ones included. */
  checkAgreement(): void {
    const digests = new Map<string, string>();
    for (const store of this.stores) {
      for (const [key, bytes] of store) {
        if (!key.startsWith('decided/')) continue;
        const { digest } = decodeDecisionProof(this.parties.cluster.id, bytes).commits.statement;
        if ((digests.get(key) ?? digest) !== digest) throw new Error(`two decisions: ${key}`);
        digests.set(key, digest);
      }
    }
  }

  /** The statement signed by the party that it names, and verified. */
  verified<S extends Statement>(statement: S): Verified<S> {
    const sign =
      'initiator' in statement
        ? this.parties.initiatorSign(statement.initiator)
        : this.parties.participantSign((statement as { participant: string }).participant);
    const signed: Signed<S> = signStatement(sign, this.parties.cluster.id, statement);
    const result = verifyStatement(this.parties.keyring, signed);
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    return result.value;
  }

  /** A statement as the replica signs it. */
  signedBy<S extends AnyStatement>(replica: number, statement: S): Signed<S> {
    return signStatement(this.parties.replicaSign(replica), this.parties.cluster.id, statement);
  }

  /** Puts a message of `from` on its way, whoever made it. */
  transmit(from: number, to: number, message: PeerMessage): void {
    const bytes = encodePeerMessage(message);
    const latencyMs = this.delayMs?.(from, to) ?? 1 + Math.floor(this.random() * this.latencyMaxMs);
    this.after(latencyMs, () => this.#deliver(from, to, bytes));
  }

  #deliver(from: number, to: number, bytes: Uint8Array): void {
    if (!this.coreOf(to)) return;
    const message = decodePeerMessage(this.parties.cluster.id, bytes);
    const result = verifyPeerMessage(this.parties.keyring, from as ReplicaId, message);
    if (result.ok) this.input(to, { kind: 'peer', message: result.value });
    else this.refused.push(`${from}->${to} ${message.kind}: ${JSON.stringify(result.error)}`);
  }

  protected perform(replica: number, output: CoordinatorOutput): void {
    switch (output.kind) {
      case 'send':
        return this.#send(replica, output.to, output.message);
      case 'broadcast':
        for (const to of this.othersThan(replica)) this.#send(replica, to, output.message);
        return;
      case 'send-proof': {
        const stored = this.storeOf(replica).get(`decided/${slotKey(output.slot)}`);
        if (!stored) return;
        const proof = decodeDecisionProof(this.parties.cluster.id, stored);
        return this.#send(replica, output.to, { kind: 'decided', proof });
      }
      default:
        this.outputs[replica]?.push(output);
        this.onOutput(replica, output);
    }
  }

  #send(from: number, to: number, message: PeerMessage): void {
    for (const changed of this.tamper(from, to, message)) this.transmit(from, to, changed);
  }
}
