import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StateMachine } from '../../src/ordering/core/engine.js';
import { findMachineFault, type MachineFault } from '../../src/ordering/core/machine-fault.js';
import type { OrderingRequest } from '../../src/ordering/types.js';
import { makeRequest } from '../support/ordering-rig.js';

const text = ({ payload }: OrderingRequest): string => new TextDecoder().decode(payload);
const keyOf = (request: OrderingRequest): string => text(request).split('=')[0] ?? '';

/** Puts `key=value`. */
class Values implements StateMachine {
  readonly values = new Map<string, string>();

  apply(_position: number, batch: readonly OrderingRequest[]): void {
    for (const request of batch) this.values.set(keyOf(request), text(request));
  }

  snapshot(): readonly Uint8Array[] {
    return [...this.values.values()].sort().map((value) => new TextEncoder().encode(value));
  }

  differences(): readonly string[] {
    return ['values'];
  }

  install(): void {
    throw new Error('nothing is installed here');
  }

  interferes(a: OrderingRequest, b: OrderingRequest): boolean {
    return keyOf(a) === keyOf(b);
  }
}

const request = (payload: string, number = 1) => makeRequest('alice', number, payload);

function fault(change: Partial<StateMachine>, a = 'x=1', b = 'x=2'): MachineFault | undefined {
  const make = () => Object.assign(new Values(), change);
  return findMachineFault(make, { before: [request('x=0')], a: request(a), b: request(b, 2) });
}

it('finds nothing where a machine is right, whatever it is asked', () => {
  const one = fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.nat({ max: 3 }));
  fc.assert(
    fc.property(fc.array(one, { maxLength: 4 }), one, one, (before, a, b) => {
      const [first, second, ...rest] = [a, b, ...before].map(([key, value], index) =>
        request(`${key}=${value}`, index + 1),
      );
      if (!first || !second) throw new Error('there are two');
      const found = findMachineFault(() => new Values(), { before: rest, a: first, b: second });
      expect(found).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

it('names what is not the same in both orders', () => {
  const state = { kind: 'state', differences: ['values'] };
  expect(fault({ interferes: () => false })).toEqual(state);
  // Keys are asked in place of `interferes`.
  expect(fault({ interferes: () => false, keysOf: (one) => [text(one)] })).toEqual(state);
  expect(fault({ interferes: () => false, keysOf: () => ['all'] })).toBeUndefined();
});

it('sees a machine that keeps positions', () => {
  const make = () => {
    const machine = new Values();
    const apply = (position: number, [one]: readonly OrderingRequest[]) => {
      if (one) machine.values.set(keyOf(one), `${text(one)} at ${position}`);
    };
    return Object.assign(machine, { apply });
  };
  const found = findMachineFault(make, { before: [], a: request('x=1'), b: request('y=1', 2) });
  expect(found?.kind).toBe('state');
});

it('names an answer that depends on which comes first', () => {
  expect(fault({ interferes: (a) => text(a) === 'x=1' })).toEqual({ kind: 'one-sided' });
});

it('names keys that do not say all', () => {
  expect(fault({ keysOf: (one) => [text(one)] })).toEqual({ kind: 'keys' });
  expect(fault({ keysOf: (one) => [keyOf(one)] })).toBeUndefined();
});
