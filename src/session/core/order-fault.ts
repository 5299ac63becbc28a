import type { Application, ApplyResult, Call } from './application.js';
import { called } from './machine/lanes.js';
import { StateTable } from './machine/state-table.js';

/** Where an application's `interferes` is wrong about two calls. */
export type OrderFault =
  /** It says one thing of the first and the second call, and another of the second and the first. */
  | { readonly kind: 'one-sided' }
  /** One of the calls has another result where it comes second. */
  | {
      readonly kind: 'result';
      readonly call: 'a' | 'b';
      readonly first: ApplyResult;
      readonly second: ApplyResult;
    }
  /** The state is another one: a key whose value differs, with both values. */
  | {
      readonly kind: 'state';
      readonly key: string;
      readonly aFirst: string | undefined;
      readonly bFirst: string | undefined;
    };

/** Two calls, and what was applied before them. */
export interface OrderCase {
  readonly before: readonly Call[];
  readonly a: Call;
  readonly b: Call;
}

/**
 * Looks whether the order of two calls shows although the application says that they do not interfere: an engine
 * such as `ezbft` executes them in different orders at different replicas, whose states would part then. `undefined`
 * where the application is right about them, or says that they interfere, which costs time and is always safe. Owners'
 * shares of the state are left aside. To be called with many cases, such as those of a property test.
 *
 * @example
 * ```ts
 * import { type Application, type Call, findOrderFault } from 'concordat/application';
 *
 * // Throws at the first pair of these calls that the application is wrong about.
 * export function checkPairs(application: Application, before: Call[], calls: Call[]): void {
 *   for (const a of calls) {
 *     for (const b of calls) {
 *       const fault = findOrderFault(application, { before, a, b });
 *       if (fault) throw new Error(`${a.payload}, ${b.payload}: ${JSON.stringify(fault)}`);
 *     }
 *   }
 * }
 * ```
 */
export function findOrderFault(
  application: Application,
  { before, a, b }: OrderCase,
): OrderFault | undefined {
  const doInterfere = application.interferes(a, b);
  if (application.interferes(b, a) !== doInterfere) return { kind: 'one-sided' };
  if (doInterfere) return undefined;
  const [aFirst, bFirst] = [
    [...before, a, b],
    [...before, b, a],
  ].map((calls) => applied(application, calls)) as [Applied, Applied];
  return (
    resultFault('a', aFirst.results.at(-2), bFirst.results.at(-1)) ??
    resultFault('b', bFirst.results.at(-2), aFirst.results.at(-1)) ??
    stateFault(aFirst.state, bFirst.state)
  );
}

interface Applied {
  readonly state: StateTable;
  readonly results: readonly ApplyResult[];
}

/** As replicas apply calls in their agreed order. */
function applied(application: Application, calls: readonly Call[]): Applied {
  const state = new StateTable();
  const results = calls.map((call) => {
    const { result, writes } = called(state, call.payload, (texts) =>
      application.apply(texts, call),
    );
    state.write(call.owner, writes);
    return result;
  });
  return { state, results };
}

function resultFault(
  call: 'a' | 'b',
  first: ApplyResult | undefined,
  second: ApplyResult | undefined,
): OrderFault | undefined {
  if (!first || !second || textOf(first) === textOf(second)) return undefined;
  return { kind: 'result', call, first, second };
}

/** What replicas agree on of a result. */
function textOf(result: ApplyResult): string {
  switch (result.kind) {
    case 'done':
      return JSON.stringify([result.kind, result.result]);
    case 'rejected':
      return JSON.stringify([result.kind, result.reason]);
    case 'transfers': {
      const transfers = result.transfers.map(({ from, to, amountMinor, currency }) => [
        ...[from.bank, from.account, to.bank, to.account],
        ...[amountMinor, currency],
      ]);
      return JSON.stringify([result.kind, transfers, result.result]);
    }
  }
}

function stateFault(one: StateTable, other: StateTable): OrderFault | undefined {
  const keys = new Set([...one.keys(''), ...other.keys('')]);
  const key = [...keys].sort().find((each) => one.get(each) !== other.get(each));
  if (key === undefined) return undefined;
  return { kind: 'state', key, aFirst: one.get(key), bFirst: other.get(key) };
}
