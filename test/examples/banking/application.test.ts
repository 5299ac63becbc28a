import { describe, expect, it } from 'vitest';
import module, { banking } from '../../../examples/banking/application.js';
import { amountMinorMax } from '../../../examples/banking/transfer.js';
import { clientId } from '../../../src/kernel/ids.js';
import type { Call, State } from '../../../src/session/core/application.js';
import { findOrderFault } from '../../../src/session/core/order-fault.js';
import type { SessionId } from '../../../src/session/types.js';

const alice = { bank: 'bank-a', account: 'alice' };
const bob = { bank: 'bank-b', account: 'bob' };
const transfer = { from: alice, to: bob, amountMinor: 1250, currency: 'EUR' };

/** Nobody may touch it. */
const state = new Proxy({} as State, {
  get: (_, name) => () => {
    throw new Error(`touched: ${String(name)}`);
  },
});

function call(payload: unknown): Call {
  return {
    session: '00'.repeat(32) as SessionId,
    sequence: 1,
    owner: clientId('alice'),
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  };
}

/** Why it is rejected, in the simulation as in the agreed order. */
function reasonOf(payload: unknown): string | undefined {
  const simulated = banking.simulate(state, call(payload));
  expect(banking.apply(state, call(payload))).toEqual(simulated);
  return simulated.kind === 'rejected' ? simulated.reason : undefined;
}

describe('a transfer as a step of a session', () => {
  it('is likely to be done, and done when the banks have', () => {
    const result = JSON.stringify({ transferred: transfer });
    expect(banking.simulate(state, call({ transfer }))).toEqual({ kind: 'done', result });
    expect(banking.apply(state, call({ transfer }))).toEqual({
      kind: 'transfers',
      transfers: [transfer],
      result,
    });
  });

  it('is the same however it is written', () => {
    const { from, to, amountMinor, currency } = transfer;
    const other = { transfer: { currency, amountMinor, to, from } };
    expect(banking.apply(state, call(other))).toEqual(banking.apply(state, call({ transfer })));
  });

  it.each<[string, unknown]>([
    ['the step: must be JSON', '{'],
    ['the step: must be an object with transfer', 'null'],
    ['the step: must be an object with transfer', [transfer]],
    ['the step.transfer: is missing', {}],
    ['the step: must have no fields but transfer', { transfer, note: 'x' }],
    ['transfer: must be an object', { transfer: 5 }],
    ['transfer.from: is missing', { transfer: { to: bob } }],
    ['transfer.currency: is missing', { transfer: { ...transfer, currency: undefined } }],
    ['transfer: must have no fields but', { transfer: { ...transfer, fee: 1 } }],
    [
      'transfer.from.bank: must be a name',
      { transfer: { ...transfer, from: { ...alice, bank: '' } } },
    ],
    [
      'transfer.to.account: must be a name',
      { transfer: { ...transfer, to: { ...bob, account: 'b b' } } },
    ],
    ['transfer.to.account: is missing', { transfer: { ...transfer, to: { bank: 'bank-b' } } }],
    [
      'transfer.from: must have no fields but',
      { transfer: { ...transfer, from: { ...alice, x: 1 } } },
    ],
    ['transfer.to: must be another account', { transfer: { ...transfer, to: alice } }],
    ['transfer.amountMinor: must be a whole number', { transfer: { ...transfer, amountMinor: 0 } }],
    [
      'transfer.amountMinor: must be a whole number',
      { transfer: { ...transfer, amountMinor: -5 } },
    ],
    [
      'transfer.amountMinor: must be a whole number',
      { transfer: { ...transfer, amountMinor: 0.5 } },
    ],
    [
      'transfer.amountMinor: must be a whole number',
      { transfer: { ...transfer, amountMinor: '5' } },
    ],
    [
      'transfer.amountMinor: must be a whole number',
      { transfer: { ...transfer, amountMinor: amountMinorMax + 1 } },
    ],
    ['transfer.currency: must be three', { transfer: { ...transfer, currency: 'eur' } }],
  ])('is rejected: %s', (reason, payload) => {
    expect(reasonOf(payload)).toContain(reason);
  });

  it('may move the most that one step may', () => {
    const most = call({ transfer: { ...transfer, amountMinor: amountMinorMax } });
    expect(banking.apply(state, most)).toMatchObject({ kind: 'transfers' });
  });
});

describe('two steps', () => {
  const step = (from: object, to: object) => call({ transfer: { ...transfer, from, to } });
  const carol = { bank: 'bank-a', account: 'carol' };

  it('interfere where they share an account', () => {
    expect(banking.interferes(step(alice, bob), step(bob, carol))).toBe(true);
    expect(banking.interferes(step(alice, bob), step(alice, carol))).toBe(true);
  });

  it('pass each other where they do not', () => {
    const dave = { bank: 'bank-b', account: 'alice' };
    expect(banking.interferes(step(alice, bob), step(carol, dave))).toBe(false);
    expect(banking.interferes(step(alice, bob), call('nonsense'))).toBe(false);
  });

  it('do not show their order where they are said to pass each other', () => {
    const accounts = [alice, bob, carol, { bank: 'bank-b', account: 'alice' }];
    const steps = accounts.flatMap((from) => accounts.map((to) => step(from, to)));
    for (const a of [...steps, call('nonsense')]) {
      for (const b of steps) {
        expect(findOrderFault(banking, { before: [], a, b })).toBeUndefined();
      }
    }
  });
});

it('is what the module hands out', () => {
  expect(module.application).toBe(banking);
  expect(banking.name).toBe('banking');
});
