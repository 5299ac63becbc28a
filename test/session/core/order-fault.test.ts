import { expect, it } from 'vitest';
import { clientId } from '../../../src/kernel/ids.js';
import type { Application, Call } from '../../../src/session/core/application.js';
import { findOrderFault } from '../../../src/session/core/order-fault.js';
import type { SessionId } from '../../../src/session/types.js';

/** Puts `key=value`, or adds a letter with `key+value`; a key that starts with `once` can be put once. */
const texts: Application = {
  name: 'texts',
  simulate: () => ({ kind: 'done', result: '' }),
  apply: (state, { payload }) => {
    const [, key = '', sign, value = ''] = /^(\w+)([=+])(\w+)$/.exec(payload) ?? [];
    const known = state.get(key);
    if (key.startsWith('once') && known !== undefined) return { kind: 'rejected', reason: known };
    state.set(key, sign === '+' ? `${known ?? ''}${value}` : value);
    return { kind: 'done', result: '' };
  },
  interferes: () => false,
};

function call(payload: string): Call {
  const session = 'a'.repeat(64) as SessionId;
  return { session, sequence: 1, owner: clientId('alice'), payload };
}

function fault(a: string, b: string, interferes: Application['interferes'] = () => false) {
  const before = [call('x=1')];
  return findOrderFault({ ...texts, interferes }, { before, a: call(a), b: call(b) });
}

it('finds nothing in calls that commute', () => {
  expect(fault('x=2', 'y=2')).toBeUndefined();
  expect(fault('x=2', 'x=2')).toBeUndefined();
  expect(fault('nonsense', 'y=2')).toBeUndefined();
});

it('names the key that differs', () => {
  expect(fault('x=2', 'x=3')).toEqual({ kind: 'state', key: 'x', aFirst: '3', bFirst: '2' });
  expect(fault('x+a', 'x+b')).toEqual({ kind: 'state', key: 'x', aFirst: '1ab', bFirst: '1ba' });
});

it('names the call whose result differs', () => {
  const [done, rejected] = [{ kind: 'done' }, { kind: 'rejected', reason: '3' }];
  expect(fault('once=2', 'once=3')).toMatchObject({
    ...{ kind: 'result', call: 'a', first: done, second: rejected },
  });
});

it('sees transfers that depend on the order', () => {
  const to = { bank: 'b', account: 'y' };
  const application: Application = {
    ...texts,
    apply: (state, one) => {
      if (one.payload !== 'pay') return texts.apply(state, one);
      const from = { bank: 'a', account: state.get('x') ?? '' };
      const transfers = [{ from, to, amountMinor: 1, currency: 'EUR' }];
      return { kind: 'transfers', transfers, result: 'paid' };
    },
  };
  const found = (b: string) =>
    findOrderFault(application, { before: [], a: call('pay'), b: call(b) });
  expect(found('x=2')).toMatchObject({ kind: 'result', call: 'a' });
  expect(found('y=2')).toBeUndefined();
});

it('asks nothing of calls that are said to interfere, but that it is said both ways', () => {
  expect(fault('x=2', 'x=3', () => true)).toBeUndefined();
  const oneSided = (one: Call) => one.payload === 'x=2';
  expect(fault('x=2', 'x=3', oneSided)).toEqual({ kind: 'one-sided' });
});
