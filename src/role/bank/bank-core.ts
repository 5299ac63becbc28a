import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../core/effects.js';
import { Participant } from '../../core/transaction/participant.js';
import { refKey } from '../../core/transaction/participant-finished.js';
import type {
  ApplicationWrite,
  CallId,
  CallResult,
  EnlistmentRef,
  ParticipantInput,
  ParticipantOptions,
  ParticipantOutput,
} from '../../core/transaction/participant-messages.js';
import type { AccountId, Balance } from '../../edge/soap/banking.js';
import { AccountBook } from './account-book.js';
import { type BankOperation, UsedRequests } from './used-requests.js';

type Application = 'execute' | 'prepare' | 'commit' | 'roll-back' | 'recover';

export type BankInput =
  | ParticipantInput<BankOperation>
  | { readonly kind: 'balance-asked'; readonly call: CallId; readonly account: AccountId };

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
 */
export class BankCore implements Core<BankInput, BankOutput> {
  readonly #participant: Participant<BankOperation>;
  readonly #book = new AccountBook();
  readonly #used = new UsedRequests();
  readonly #openingAccounts: readonly Balance[];

  /** `openingAccounts` are opened where the store holds none. */
  constructor(options: ParticipantOptions, openingAccounts: readonly Balance[]) {
    this.#participant = new Participant(options);
    this.#openingAccounts = openingAccounts;
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

  #execute(ref: EnlistmentRef, operation: BankOperation): CallResult {
    const { request } = operation;
    if (request && !this.#used.isOpen(request, ref.tid)) {
      return { kind: 'refused', reason: 'RequestUsed' };
    }
    const result = this.#book.hold(refKey(ref), operation);
    if (request && result.kind === 'done') this.#used.hold(ref, request);
    return result;
  }
}

function persist({ key, value }: ApplicationWrite): CommonOutput {
  return { kind: 'persist', key, value };
}
