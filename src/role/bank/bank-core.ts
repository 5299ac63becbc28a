import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../core/effects.js';
import { Participant } from '../../core/transaction/participant.js';
import { refKey } from '../../core/transaction/participant-finished.js';
import type {
  ApplicationWrite,
  CallId,
  ParticipantInput,
  ParticipantOptions,
  ParticipantOutput,
} from '../../core/transaction/participant-messages.js';
import type { AccountId, Balance, Posting } from '../../edge/soap/banking.js';
import { AccountBook } from './account-book.js';

type Application = 'execute' | 'prepare' | 'commit' | 'roll-back' | 'recover';

export type BankInput =
  | ParticipantInput<Posting>
  | { readonly kind: 'balance-asked'; readonly call: CallId; readonly account: AccountId };

export type BankOutput =
  | Exclude<ParticipantOutput<Posting>, { readonly kind: Application }>
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
  readonly #participant: Participant<Posting>;
  readonly #book = new AccountBook();
  readonly #openingAccounts: readonly Balance[];

  /** `openingAccounts` are opened where the store holds none. */
  constructor(options: ParticipantOptions, openingAccounts: readonly Balance[]) {
    this.#participant = new Participant(options);
    this.#openingAccounts = openingAccounts;
  }

  /** Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): Outputs {
    this.#book.restore(records);
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

  #answered(outputs: readonly (ParticipantOutput<Posting> | CommonOutput)[]): Outputs {
    return outputs.flatMap((output) => this.#answer(output));
  }

  #answer(output: ParticipantOutput<Posting> | CommonOutput): Outputs {
    const book = this.#book;
    switch (output.kind) {
      case 'execute': {
        const { ref, operation } = output;
        return this.handle({ kind: 'executed', ref, result: book.hold(refKey(ref), operation) });
      }
      case 'prepare': {
        const { ref } = output;
        return this.handle({ kind: 'voted', ref, vote: book.prepare(refKey(ref)) });
      }
      case 'commit': {
        const { ref } = output;
        return this.handle({ kind: 'settled', ref, writes: book.commit(refKey(ref)) });
      }
      case 'roll-back': {
        const { ref } = output;
        book.rollBack(refKey(ref));
        return this.handle({ kind: 'settled', ref, writes: [] });
      }
      case 'recover':
        book.recover(refKey(output.ref), output.record);
        return [];
      default:
        return [output];
    }
  }
}

function persist({ key, value }: ApplicationWrite): CommonOutput {
  return { kind: 'persist', key, value };
}
