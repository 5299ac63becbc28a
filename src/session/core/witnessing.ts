import { hexOf } from '../../kernel/codec/text.js';
import type { ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { contradict } from '../check-proof.js';
import { encodeSessionSigned } from '../statement.js';
import type { ReceiptStatement, SessionId, VerifiedRun, WitnessStatement } from '../types.js';
import { fitOf, type HeldOperation } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import type { SessionMachine } from './machine/machine.js';
import type { SessionOutbox } from './outbox.js';
import type { PassingOn } from './passing-on.js';
import type { Statuses } from './reconciliation.js';
import type { Submissions } from './submissions.js';

/** How far a promise's base may be ahead of this replica. */
const aheadMax = 4096;

/** What replicas do with each other's promises: keep the operations, simulate them, say what came out. */
export class Witnessing {
  readonly #outbox: SessionOutbox;
  readonly #machine: SessionMachine;
  readonly #held: HeldSessions;
  readonly #statuses: Statuses;
  readonly #submissions: Submissions;
  readonly #passingOn: PassingOn;
  readonly #position: () => number;
  /** Operations witnessed for this replica so far, and simulations of others that differed. */
  witnessed = 0;
  doubted = 0;

  constructor(parts: {
    readonly outbox: SessionOutbox;
    readonly machine: SessionMachine;
    readonly held: HeldSessions;
    readonly statuses: Statuses;
    readonly submissions: Submissions;
    readonly passingOn: PassingOn;
    readonly position: () => number;
  }) {
    this.#outbox = parts.outbox;
    this.#machine = parts.machine;
    this.#held = parts.held;
    this.#statuses = parts.statuses;
    this.#submissions = parts.submissions;
    this.#passingOn = parts.passingOn;
    this.#position = parts.position;
  }

  /** Another replica has promised these. */
  onRun(
    from: ReplicaId,
    verified: VerifiedRun,
    receipts: readonly Signed<ReceiptStatement>[],
  ): void {
    const { run, session } = verified;
    const { table, settling } = this.#machine;
    if (!settling.knows(run.header.application) || table.isForgotten(session, run.header)) return;
    const fit = fitOf(verified, this.#held.get(session), table.get(session));
    if (fit.kind === 'gap') {
      return this.#outbox.askFor({ kind: 'run', session, next: fit.next }, from);
    }
    if (fit.kind === 'conflict') this.#outbox.log('warn', 'session-forked', { session, from });
    const full = fit.kind === 'fits' && this.#held.fullFor(verified, fit.next, from);
    if (full) this.#outbox.log('warn', 'share-full', { from, owner: run.header.owner, ...full });
    if (fit.kind === 'fits' && !full) {
      const held = this.#held.take(verified, fit.next, from);
      if (held) {
        this.#held.keep(held.from(fit.next));
        this.#submissions.consider(held, false);
      }
    }
    this.#witness(from, session, receipts);
  }

  /** Another replica has simulated what this one promised. */
  onWitnesses(from: ReplicaId, witnesses: readonly Signed<WitnessStatement>[]): void {
    for (const witness of witnesses) {
      const { session, sequence, head, result } = witness.statement;
      const operation = this.#held.get(session)?.operations.get(sequence);
      if (!operation?.receipt || operation.head !== head || operation.isFinal) continue;
      if (operation.resultDigest !== result) this.#doubt(session, operation, from);
      else this.#confirm(session, operation, from, witness);
    }
  }

  #witness(
    from: ReplicaId,
    session: SessionId,
    receipts: readonly Signed<ReceiptStatement>[],
  ): void {
    const { self, promisePositions } = this.#outbox.options;
    const held = this.#held.get(session);
    const witnesses = receipts.flatMap((receipt): Signed<WitnessStatement>[] => {
      const { sequence, head, base, deadline } = receipt.statement;
      const operation = held?.operations.get(sequence);
      if (!operation) return [];
      this.#compare(operation, receipt);
      const isInTime = deadline === base + promisePositions;
      if (!isInTime || base > this.#position() + aheadMax || operation.head !== head) return [];
      const { resultDigest: result } = operation;
      return [
        this.#outbox.sign({ kind: 'witness', session, sequence, head, result, replica: self }),
      ];
    });
    if (witnesses.length > 0) this.#outbox.send(from, { kind: 'witness', witnesses });
  }

  /** Two promises of one replica for one number that differ are evidence against it. */
  #compare(operation: HeldOperation, receipt: Signed<ReceiptStatement>): void {
    const { replica, session, sequence } = receipt.statement;
    const known = operation.promises.get(replica);
    if (!known) {
      operation.promises.set(replica, receipt);
    } else if (contradict(known.statement, receipt.statement)) {
      const receipts = [known, receipt].map((one) => hexOf(encodeSessionSigned(one)));
      this.#outbox.log('error', 'receipts-contradict', { replica, session, sequence, receipts });
    }
  }

  #doubt(session: SessionId, operation: HeldOperation, by: ReplicaId): void {
    if (operation.doubts.has(by)) return;
    operation.doubts.add(by);
    this.doubted += 1;
    this.#outbox.tell(session, { kind: 'doubted', sequence: operation.sequence, by });
  }

  #confirm(
    session: SessionId,
    operation: HeldOperation,
    from: ReplicaId,
    witness: Signed<WitnessStatement>,
  ): void {
    this.#passingOn.witnessed(from);
    if (operation.witnesses.has(from)) return;
    operation.witnesses.set(from, witness);
    if (operation.witnesses.size !== this.#statuses.witnessesNeeded) return;
    this.witnessed += 1;
    const status = this.#statuses.ofHeld(operation);
    const { sequence } = operation;
    if (status) this.#outbox.tell(session, { kind: 'operation', sequence, status });
  }
}
