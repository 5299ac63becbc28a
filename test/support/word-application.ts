import type { Application, ApplyResult, Call, State } from '../../src/session/core/application.js';
import type { CallResult } from '../../src/session/types.js';

/**
 * An application for tests, in words: `put key value`, `get key`, `add key number`, `take key` (once),
 * `fill key length` (with so many letters), `drop key`, `list prefix`, `page length` (a result of so many bytes), `fail`, `pay from to amount` (accounts of one bank).
 */
export class WordApplication implements Application {
  readonly name: string;
  simulations = 0;

  constructor(name = 'words') {
    this.name = name;
  }

  simulate(state: State, call: Call): CallResult {
    this.simulations += 1;
    const result = this.apply(state, call);
    return result.kind === 'transfers' ? { kind: 'done', result: result.result } : result;
  }

  apply(state: State, { payload, owner }: Call): ApplyResult {
    const [verb = '', key = '', value = '', amount = ''] = payload.split(' ');
    switch (verb) {
      case 'put':
        state.set(key, value);
        return { kind: 'done', result: 'ok' };
      case 'get':
        return { kind: 'done', result: state.get(key) ?? 'none' };
      case 'add': {
        const sum = String(Number(state.get(key) ?? '0') + Number(value));
        state.set(key, sum);
        return { kind: 'done', result: sum };
      }
      case 'take': {
        const taker = state.get(key);
        if (taker !== undefined) return { kind: 'rejected', reason: `taken by ${taker}` };
        state.set(key, owner);
        return { kind: 'done', result: 'taken' };
      }
      case 'fill':
        state.set(key, 'x'.repeat(Number(value)));
        return { kind: 'done', result: 'ok' };
      case 'drop':
        state.delete(key);
        return { kind: 'done', result: 'ok' };
      case 'list':
        return { kind: 'done', result: state.keys(key).join(',') };
      case 'page':
        return { kind: 'done', result: 'x'.repeat(Number(key)) };
      case 'pay': {
        const account = (name: string) => ({ bank: 'bank-a', account: name });
        const transfer = { from: account(key), to: account(value), currency: 'EUR' };
        const transfers = [{ ...transfer, amountMinor: Number(amount) }];
        return { kind: 'transfers', transfers, result: `paid ${amount}` };
      }
      case 'fail':
        state.set('left over', 'x');
        throw new Error('failed on purpose');
      default:
        throw new SyntaxError(`engine-dependent words about ${payload}`);
    }
  }

  interferes(): boolean {
    return true;
  }
}
