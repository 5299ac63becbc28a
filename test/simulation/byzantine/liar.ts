import type { InvitationStatement, VoteStatement } from '../../../src/agreement/statements.js';
import type { Transfer } from '../../../src/banking/soap.js';
import type { Digest, EnlistmentId, TransactionId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import type { Signed } from '../../../src/kernel/signed.js';
import type { DiskWrite } from '../engine/disk.js';
import type { Cast } from '../kit/cast.js';
import type { LiarTools, Lie } from '../kit/liar.js';
import type { Packet } from '../parties/packets.js';
import type { Reader } from '../parties/reader.js';

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
export interface Liar extends LiarTools<string, Packet> {
  readonly address: string;
  readonly cast: Cast;
  readonly reader: Reader;
  readonly sign: Sign;
  readonly conspiracy: Conspiracy;
  /** Unique in the run. */
  nextCall(): number;
  /** Only a client's: it signs this request. */
  asked(timestamp: number, order: Transfer): void;
  /** It crashes, and comes back with an empty disk. */
  loseDisk(downMs: number): void;
  /** It has tried to have this transaction decided again. */
  revived(tid: TransactionId): void;
}

/** A way to misbehave, wrapped around a node that runs the unchanged code. */
export interface Behaviour extends Lie<string, Packet> {
  /** The node's own disk has taken this. */
  written?(writes: readonly DiskWrite[]): void;
  /** A link to this node has come up. */
  linked?(other: string): void;
}

export type BehaviourMaker = (liar: Liar) => Behaviour;
