import type { StoredRecord } from '../../kernel/core.js';
import type { ClusterId } from '../../kernel/ids.js';
import type {
  ApplicationVote,
  ApplicationWrite,
  EnlistmentRef,
} from '../../transaction/participant/messages.js';

/** Work that was prepared before a restart; its outcome is not known yet. */
export interface PreparedWork {
  readonly ref: EnlistmentRef;
  /** What `prepare` returned with the vote. */
  readonly record: Uint8Array;
}

/** What is on the participant's own disk at its start. */
export interface LeftWork {
  /** Of these the participant has voted `prepared`: `commit` or `rollBack` will come for each. */
  readonly prepared: readonly PreparedWork[];
  /** What `commit` had the participant write, all that still stands. */
  readonly records: readonly StoredRecord[];
  /** The participant's cluster: participants of others may have its name. None where a resource is used without one. */
  readonly cluster?: ClusterId;
}

/**
 * What a participant keeps its data in: a database, a table of its own, a service behind HTTP. The participant runs
 * two-phase commit with it (WS-AtomicTransaction 1.2 §3.3, durable 2PC): `begin`, the operation's work, `prepare`,
 * then `commit` or `rollBack`. One ref is one call's part in one transaction; several may be open at a time, of one
 * transaction too. The participant calls one method at a time for one ref.
 *
 * What is prepared survives: of the process, of the machine, and of the resource itself. Between `prepare` and the
 * participant's own record of it either may stop. So `start` gives up whatever the resource holds that is not on
 * record: for that the participant has not voted.
 *
 * Each method ends, well or not. Where `begin` hangs, the call is refused in time and all else waits for it; some 2,000
 * calls may be stuck so, or in a `rollBack` that rejects, before further ones are refused.
 */
export interface Resource<Work> {
  /**
   * First of all, once for each run of the participant: holds again what is prepared, and gives up all else that an
   * earlier run left. Rejects where what is prepared cannot be held: the participant then does not start.
   */
  start(left: LeftWork): Promise<void>;
  /** Begins the work of one call. Rejects where there is no room for it, or no connection: the call is refused. */
  begin(ref: EnlistmentRef): Promise<Work>;
  /**
   * The vote. After `prepared` the resource can commit and roll back, whatever happens. Where it rejects, the
   * participant votes `aborted` and rolls back.
   */
  prepare(ref: EnlistmentRef): Promise<ApplicationVote>;
  /**
   * Commits what is prepared; does nothing where that is done already, for it may be asked again after a restart.
   * Resolves with what the participant is to write into its own store, together with the end. Where it rejects, the
   * participant asks again, ever more slowly, until it resolves.
   */
  commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]>;
  /** Gives up the work, prepared or not; does nothing where there is none. Asked again where it rejects. */
  rollBack(ref: EnlistmentRef): Promise<void>;
  /** The participant stops. What is not prepared may be given up. */
  close(): Promise<void>;
}
