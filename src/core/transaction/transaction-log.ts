import type { DecisionProof, Slot } from '../../vocabulary/agreement.js';
import type { ClusterId, TransactionId } from '../../vocabulary/ids.js';
import type { Resilience } from '../../vocabulary/quorum.js';
import type { RegistrationStatement, Verified } from '../../vocabulary/statements.js';
import { decodeSignedStatement, encodeSigned } from '../../wire/index.js';
import type { StoredRecord } from '../effects.js';
import { CoordinatorTransaction } from './coordinator-transaction.js';

/** Finished transactions whose outcome is kept for those who ask late. */
const FINISHED_RETAINED = 5_000;

export interface TransactionLogOptions {
  readonly cluster: ClusterId;
  readonly resilience: Resilience;
  readonly persist: (key: string, value: Uint8Array | null) => void;
  /** A slot that nobody will ask for again. */
  readonly forget: (slot: Slot) => void;
}

/** The transactions on record at one replica: the open ones, and the last that have finished. */
export class TransactionLog {
  readonly #options: TransactionLogOptions;
  readonly #transactions = new Map<TransactionId, CoordinatorTransaction>();
  /** The one that finished first comes first. */
  readonly #finished = new Set<TransactionId>();

  constructor(options: TransactionLogOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#transactions.size;
  }

  get openSize(): number {
    return this.#transactions.size - this.#finished.size;
  }

  get(tid: TransactionId): CoordinatorTransaction | undefined {
    return this.#transactions.get(tid);
  }

  has(tid: TransactionId): boolean {
    return this.#transactions.has(tid);
  }

  values(): IterableIterator<CoordinatorTransaction> {
    return this.#transactions.values();
  }

  /** The coordinator object of Zhao §2.2. A known id is refused: nobody can revive a transaction. */
  create({ value, commits }: DecisionProof): CoordinatorTransaction | undefined {
    const { result, slot } = commits.statement;
    const request = value.kind === 'activation' ? value.requests[0]?.statement : undefined;
    if (result.kind !== 'activation' || slot.kind !== 'activation' || !request) return undefined;
    const { tid } = result;
    if (this.#transactions.has(tid)) return undefined;
    const { resilience } = this.#options;
    const transaction = new CoordinatorTransaction(
      tid,
      slot.request,
      request.expiresMs,
      resilience,
    );
    this.#transactions.set(tid, transaction);
    return transaction;
  }

  /** Makes a registration durable, which comes before its acknowledgement. */
  keep(registration: Verified<RegistrationStatement>): void {
    const { tid, enlistment } = registration.statement;
    this.#options.persist(`registration/${tid}/${enlistment}`, encodeSigned(registration));
  }

  /** Nobody has to be told anything any more. */
  finish({ tid }: CoordinatorTransaction): void {
    this.#options.persist(`finished/${tid}`, new Uint8Array());
    this.#finished.add(tid);
    const [oldest] = this.#finished;
    if (this.#finished.size > FINISHED_RETAINED && oldest) this.#forget(oldest);
  }

  /** Takes back what was persisted of transactions whose activations have been created again. */
  restore(records: readonly StoredRecord[]): void {
    const stored = new Set(records.map(({ key }) => key));
    for (const { key, value } of records) {
      if (key.startsWith('registration/')) this.#restoreRegistration(value);
    }
    for (const { tid, enlistments } of this.#transactions.values()) {
      if (stored.has(`finished/${tid}`)) this.#finished.add(tid);
      for (const [id, enlistment] of enlistments) {
        enlistment.contradicted = stored.has(`evidence/${tid}/${id}/first`);
      }
    }
  }

  isFinished(tid: TransactionId): boolean {
    return this.#finished.has(tid);
  }

  #restoreRegistration(bytes: Uint8Array): void {
    const { statement, ...signed } = decodeSignedStatement(this.#options.cluster, bytes);
    if (statement.kind !== 'registration') return;
    const enlistment = this.#transactions.get(statement.tid)?.enlist({ ...signed, statement });
    if (enlistment) enlistment.admitted = true;
  }

  #forget(tid: TransactionId): void {
    const transaction = this.#transactions.get(tid);
    this.#finished.delete(tid);
    this.#transactions.delete(tid);
    if (!transaction) return;
    const { persist, forget } = this.#options;
    forget({ kind: 'activation', request: transaction.request });
    forget({ kind: 'outcome', tid });
    persist(`finished/${tid}`, null);
    for (const [id, { admitted, contradicted }] of transaction.enlistments) {
      if (admitted) persist(`registration/${tid}/${id}`, null);
      if (!contradicted) continue;
      persist(`evidence/${tid}/${id}/first`, null);
      persist(`evidence/${tid}/${id}/other`, null);
    }
  }
}
