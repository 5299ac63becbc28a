import type { Signed } from '../../../src/kernel/signed.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import { contradict } from '../../../src/session/check-proof.js';
import type { OperationStatus } from '../../../src/session/core/outbox.js';
import type { SessionMessage } from '../../../src/session/message.js';
import type { CallResult, ReceiptStatement } from '../../../src/session/types.js';
import type { Violation } from '../kit/violation.js';
import type { OwnedSession } from './owners.js';

/** `<session> <sequence>` */
export type OperationKey = string;
export const operationKey = (session: string, sequence: number): OperationKey =>
  `${session} ${sequence}`;

/** Sees what replicas promise, apply and answer, and notes where they contradict themselves. */
export class SessionsWitness {
  readonly sessions = new Map<string, OwnedSession>();
  readonly receipts = new Map<string, Signed<ReceiptStatement>[]>();
  /** What clients believe, each by a proof. */
  readonly finals = new Map<OperationKey, CallResult>();
  readonly witnessed = new Set<OperationKey>();
  /** Sessions whose clients went away once all was promised. */
  readonly left = new Set<string>();
  readonly contradictions: Violation[] = [];
  sent = 0;
  /** Who has lost its disk, and how many have in all. */
  readonly lost = new Set<number>();
  losses = 0;
  readonly #isCorrect: (replica: number) => boolean;
  readonly #seen = new WeakSet<SessionMessage>();
  readonly #said = new Map<string, string>();

  constructor(isCorrect: (replica: number) => boolean) {
    this.#isCorrect = isCorrect;
  }

  sentBy(from: number, message: SessionMessage): void {
    if (this.#isCorrect(from)) this.sent += 1;
    if (this.#seen.has(message)) return;
    this.#seen.add(message);
    if (message.kind === 'run') for (const receipt of message.receipts) this.#receipt(receipt);
    if (message.kind !== 'history' || !this.#isCorrect(from)) return;
    const { position, before, root } = message.history.statement;
    this.#agree(`history at ${position}`, `${before} ${root}`, from);
  }

  orderingSentBy(from: number, message: OrderingMessage): void {
    if (!this.#isCorrect(from)) return;
    this.sent += 1;
    if (message.kind !== 'checkpoint') return;
    const { scope, position, digest } = message.signed.statement;
    this.#agree(`${scope} state at ${position}`, digest, from);
  }

  told(home: number, session: OwnedSession, sequence: number, status: OperationStatus): void {
    if ('receipt' in status) this.#receipt(status.receipt);
    const isWitnessed = status.kind === 'witnessed' && this.#isCorrect(home);
    if (isWitnessed) this.witnessed.add(operationKey(session.id, sequence));
  }

  settled(session: OwnedSession, sequence: number, result: CallResult): void {
    this.final(operationKey(session.id, sequence), result, 'a client');
  }

  /** Somebody knows an outcome, with its proof. */
  final(key: OperationKey, result: CallResult, who: string): void {
    const known = this.finals.get(key);
    this.finals.set(key, known ?? result);
    if (known && JSON.stringify(known) !== JSON.stringify(result)) {
      this.fault('same-outcome', `${who} has another outcome of ${key}`);
    }
  }

  fault(checker: string, what: string): void {
    if (this.contradictions.length < 20) this.contradictions.push({ checker, what });
  }

  /** All correct replicas say the same. */
  #agree(what: string, said: string, from: number): void {
    const known = this.#said.get(what) ?? said;
    this.#said.set(what, known);
    if (known !== said) this.fault('same-order', `replica ${from} has another ${what}`);
  }

  /** One that has lost its disk promises otherwise only past the deadline of what it has forgotten. */
  #areTwo(a: ReceiptStatement, b: ReceiptStatement): boolean {
    const isLater = a.base > b.deadline || b.base > a.deadline;
    return contradict(a, b) && !(this.lost.has(a.replica) && isLater);
  }

  #receipt(receipt: Signed<ReceiptStatement>): void {
    const { replica, session, sequence } = receipt.statement;
    const name = `${replica} ${operationKey(session, sequence)}`;
    const known = this.receipts.get(name) ?? [];
    const isKnown = known.some(
      ({ statement }) =>
        statement.head === receipt.statement.head &&
        statement.result === receipt.statement.result &&
        statement.deadline === receipt.statement.deadline,
    );
    if (isKnown) return;
    this.receipts.set(name, [...known, receipt]);
    const other = known.find(({ statement }) => this.#areTwo(statement, receipt.statement));
    if (other && this.#isCorrect(replica)) {
      this.fault('one-promise', `replica ${replica} promises two things: ${name}`);
    }
  }
}
