import type { InvitationStatement, VoteStatement } from '../../../src/agreement/statements.js';
import type { Transfer } from '../../../src/banking/soap.js';
import type { Digest, EnlistmentId, TransactionId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import type { Signed } from '../../../src/kernel/signed.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Random } from '../engine/random.js';
import type { Cast } from '../kit/cast.js';
import type { Packet } from '../parties/packets.js';
import type { Reader } from '../parties/reader.js';

export interface Sent {
  readonly to: string;
  readonly packet: Packet;
}

/** What liars know of each other: they are all one adversary. */
export interface Conspiracy {
  /** Lying coordinators: they hear of both sides of a lie. */
  readonly coordinators: Set<string>;
  /** To whom a value was proposed, where not to all. */
  readonly audiences: Map<Digest, Set<string>>;
  /** Banks whose records a lying coordinator keeps to itself. */
  readonly proteges: Set<string>;
  /** Votes to abort of banks that also vote to commit. */
  readonly abortVotes: Map<EnlistmentId, Signed<VoteStatement>>;
  /** Transactions whose ids liars have learnt, and somebody's invitations to each. */
  readonly overheard: Map<TransactionId, readonly Signed<InvitationStatement>[]>;
}

/** What a behaviour may use: all that the node itself has, its key included. */
export interface Liar {
  readonly address: string;
  readonly cast: Cast;
  readonly reader: Reader;
  readonly random: Random;
  readonly sign: Sign;
  readonly conspiracy: Conspiracy;
  nowMs(): number;
  /** Sends past all behaviours. */
  send(to: string, packet: Packet): void;
  after(delayMs: number, run: () => void): void;
  /** Again and again while the run lasts, about so far apart. */
  every(periodMs: number, run: () => void): void;
  /** Unique in the run. */
  nextCall(): number;
  /** Only a client's: it signs this request. */
  asked(timestamp: number, order: Transfer): void;
  /** It crashes, and comes back with an empty disk. */
  loseDisk(downMs: number): void;
  /** It has misbehaved just now; counts for coverage. */
  lied(): void;
  /** It has tried to have this transaction decided again. */
  revived(tid: TransactionId): void;
}

/** A way to misbehave, wrapped around a node that runs the unchanged code. */
export interface Behaviour {
  /** What is sent in place of what the node sends; undefined leaves it as it is. */
  outgoing?(sent: Sent): readonly Sent[] | undefined;
  /** False swallows what comes in. */
  incoming?(from: string, packet: Packet): boolean;
  /** The node's own disk has taken this. */
  written?(writes: readonly DiskWrite[]): void;
  /** A link to this node has come up. */
  linked?(other: string): void;
}

export type BehaviourMaker = (liar: Liar) => Behaviour;
