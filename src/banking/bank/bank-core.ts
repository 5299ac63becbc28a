import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../kernel/core.js';
import { type PermittingRequest, UsedRequests } from '../../service/participant/used-requests.js';
import type {
  ApplicationWrite,
  CallId,
  EnlistmentRef,
  OperationResult,
  ParticipantInput,
  ParticipantOptions,
  ParticipantOutput,
} from '../../transaction/participant/messages.js';
import { refKey } from '../../transaction/participant/messages.js';
import { Participant } from '../../transaction/participant/participant.js';
import type { AccountId, Balance, Posting } from '../soap.js';
import { AccountBook, type AccountLedger } from './account-book.js';

/** What a bank is asked to do; a debit comes with its request. */
export type BankOperation = Posting & { readonly request?: PermittingRequest };

type Application = 'execute' | 'prepare' | 'commit' | 'roll-back' | 'recover';

/** What a bank takes: what a participant does, and questions for a balance. */
export type BankInput =
  | ParticipantInput<BankOperation>
  | { readonly kind: 'balance-asked'; readonly call: CallId; readonly account: AccountId };

/** What a bank sends: what a participant does, and balances. */
export type BankOutput =
  | Exclude<ParticipantOutput<BankOperation>, { readonly kind: Application }>
  /** Comes after the writes that made the balance. `undefined`: no such account. */
  | {
      readonly kind: 'tell-balance';
      readonly call: CallId;
      readonly balance: Balance | undefined;
    };

type Outputs = readonly (BankOutput | CommonOutput)[];

/**
 * A bank as one state machine: the participant asks, the account book answers within the same input.
 * So the new balance and the end of the prepared record are persisted together.
 *
 * @example
 * ```ts
 * import { type AccountLedger, BankCore, type BankNodeOptions, startBank } from 'concordat/participant';
 *
 * // A bank that keeps its accounts in a ledger of its own.
 * export function startOwnBank(options: BankNodeOptions, ledger: AccountLedger) {
 *   const createCore: BankNodeOptions['createCore'] = (core, accounts) =>
 *     new BankCore(core, accounts, ledger);
 *   return startBank({ ...options, createCore });
 * }
 * ```
 */
export class BankCore implements Core<BankInput, BankOutput> {
  readonly #participant: Participant<BankOperation>;
  readonly #book: AccountLedger;
  readonly #used = new UsedRequests();
  readonly #openingAccounts: readonly Balance[];

  /** `openingAccounts` are opened where the store holds none. The ledger is an account book unless given. */
  constructor(
    options: ParticipantOptions,
    openingAccounts: readonly Balance[],
    ledger: AccountLedger = new AccountBook(),
  ) {
    this.#participant = new Participant(options);
    this.#book = ledger;
    this.#openingAccounts = openingAccounts;
  }

  get underWay(): number {
    return this.#participant.underWay;
  }

  /** Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): Outputs {
    this.#book.restore(records);
    this.#used.restore(records);
    return [
      ...this.#book.open(this.#openingAccounts).map(persist),
      ...this.#answered(this.#participant.restore(records)),
    ];
  }

  handle(input: BankInput | TimerInput): Outputs {
    if (input.kind !== 'balance-asked') return this.#answered(this.#participant.handle(input));
    const { call, account } = input;
    return [{ kind: 'tell-balance', call, balance: this.#book.balance(account) }];
  }

  #answered(outputs: readonly (ParticipantOutput<BankOperation> | CommonOutput)[]): Outputs {
    return outputs.flatMap((output) => this.#answer(output));
  }

  #answer(output: ParticipantOutput<BankOperation> | CommonOutput): Outputs {
    const book = this.#book;
    switch (output.kind) {
      case 'execute': {
        const { ref, operation } = output;
        return this.handle({ kind: 'executed', ref, result: this.#execute(ref, operation) });
      }
      case 'prepare': {
        const { ref } = output;
        const writes = this.#used.use(ref);
        const vote = writes ? book.prepare(refKey(ref)) : ({ vote: 'aborted' } as const);
        return [...(writes ?? []).map(persist), ...this.handle({ kind: 'voted', ref, vote })];
      }
      case 'commit': {
        const { ref } = output;
        this.#used.release(ref);
        return this.handle({ kind: 'settled', ref, writes: book.commit(refKey(ref)) });
      }
      case 'roll-back': {
        const { ref } = output;
        this.#release(ref);
        return this.handle({ kind: 'settled', ref, writes: [] });
      }
      case 'send-vote': {
        // An enlistment may end with its vote: then no outcome comes to it, and no roll back.
        const { tid, enlistment, vote } = output.statement.statement;
        if (vote !== 'prepared') this.#release({ tid, enlistment });
        return [output];
      }
      case 'recover':
        book.recover(refKey(output.ref), output.record);
        return [];
      default:
        return [output];
    }
  }

  /** Holds no money, and no request, for the enlistment any more. */
  #release(ref: EnlistmentRef): void {
    this.#used.release(ref);
    this.#book.rollBack(refKey(ref));
  }

  #execute(ref: EnlistmentRef, operation: BankOperation): OperationResult {
    const { request } = operation;
    if (request && !this.#used.isOpen(request, ref.tid)) {
      return { kind: 'refused', reason: 'RequestUsed' };
    }
    const debit = JSON.stringify([operation.account, operation.amountMinor, operation.currency]);
    if (request && !this.#used.permitsMore(ref, request, debit)) {
      return { kind: 'refused', reason: 'NotPermitted' };
    }
    const result = this.#book.hold(refKey(ref), operation);
    if (request && result.kind === 'done') this.#used.hold(ref, request, debit);
    return result;
  }
}

function persist({ key, value }: ApplicationWrite): CommonOutput {
  return { kind: 'persist', key, value };
}
