import type {
  Application,
  ApplyResult,
  Call,
  State,
} from '../../../src/session/core/application.js';
import type { CallResult } from '../../../src/session/types.js';

/**
 * `put key value`, `add key number`, `take key` (once), `get key`, `pay amount`. Notes in the state itself
 * what it has done, so that it notices what is done twice; what a replica undoes is forgotten again.
 */
export class SimApplication implements Application {
  readonly name = 'words';
  readonly #onTwice: (call: Call) => void;

  constructor(onTwice: (call: Call) => void) {
    this.#onTwice = onTwice;
  }

  simulate(state: State, call: Call): CallResult {
    const result = this.#do(state, call);
    return result.kind === 'transfers' ? { kind: 'done', result: result.result } : result;
  }

  apply(state: State, call: Call): ApplyResult {
    const result = this.#do(state, call);
    if (result.kind !== 'done') return result;
    const mark = `#did ${call.session} ${call.sequence}`;
    if (state.get(mark) !== undefined) this.#onTwice(call);
    state.set(mark, 'done');
    return result;
  }

  interferes(): boolean {
    return true;
  }

  #do(state: State, { payload, owner }: Call): ApplyResult {
    const [verb = '', key = '', value = ''] = payload.split(' ');
    switch (verb) {
      case 'put':
        state.set(key, value);
        return { kind: 'done', result: 'ok' };
      case 'add': {
        const sum = String(Number(state.get(key) ?? '0') + Number(value));
        state.set(key, sum);
        return { kind: 'done', result: sum };
      }
      case 'take': {
        const taker = state.get(`taken ${key}`);
        if (taker !== undefined) return { kind: 'rejected', reason: `taken by ${taker}` };
        state.set(`taken ${key}`, owner);
        return { kind: 'done', result: 'taken' };
      }
      case 'get':
        return { kind: 'done', result: state.get(key) ?? 'none' };
      case 'pay': {
        const account = (name: string) => ({ bank: 'bank-a', account: name });
        const amountMinor = Number(key);
        const transfer = { from: account('a'), to: account('b'), amountMinor, currency: 'EUR' };
        return { kind: 'transfers', transfers: [transfer], result: `paid ${amountMinor}` };
      }
      default:
        throw new SyntaxError(`no such word: ${verb}`);
    }
  }
}
