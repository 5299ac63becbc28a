import type { OrderingRequest } from '../types.js';
import type { StateMachine } from './engine.js';

/** Where a state machine is wrong about two requests. */
export type MachineFault =
  /** `interferes` says one thing of the first and the second request, and another of the second and the first. */
  | { readonly kind: 'one-sided' }
  /** `interferes` says that they do, and `keysOf`, which is asked in its place, names nothing that both touch. */
  | { readonly kind: 'keys' }
  /** The state is another one by their order, or by their positions: what differs, in the machine's words. */
  | { readonly kind: 'state'; readonly differences: readonly string[] };

/** Two requests, and what was applied before them. */
export interface MachineCase {
  readonly before: readonly OrderingRequest[];
  readonly a: OrderingRequest;
  readonly b: OrderingRequest;
}

/**
 * Looks whether the order of two requests shows although the machine says that they do not interfere: `EzbftEngine`
 * executes them in different orders at different replicas, whose states would part then. `undefined` where the machine
 * is right about them, or lets them interfere, which costs time and is always safe. To be called with many cases, such
 * as those of a property test. What `apply` throws comes through.
 *
 * @param make A machine in its first state; it is called twice.
 *
 * @example
 * ```ts
 * import { findMachineFault, type OrderingRequest, type StateMachine } from 'concordat/ordering';
 *
 * // Throws at the first pair of these requests that the machine is wrong about.
 * export function checkPairs(make: () => StateMachine, requests: OrderingRequest[]): void {
 *   for (const a of requests) {
 *     for (const b of requests) {
 *       const fault = findMachineFault(make, { before: [], a, b });
 *       if (fault) throw new Error(`${a.client} and ${b.client}: ${JSON.stringify(fault)}`);
 *     }
 *   }
 * }
 * ```
 */
export function findMachineFault(
  make: () => StateMachine,
  { before, a, b }: MachineCase,
): MachineFault | undefined {
  const [aFirst, bFirst] = [make(), make()];
  const doInterfere = aFirst.interferes(a, b);
  if (aFirst.interferes(b, a) !== doInterfere) return { kind: 'one-sided' };
  const doShareKeys = shareKeys(aFirst, a, b);
  if (doInterfere && doShareKeys === false) return { kind: 'keys' };
  if (doShareKeys ?? doInterfere) return undefined;
  const own = applied(aFirst, [...before, a, b]);
  const theirs = applied(bFirst, [...before, b, a]);
  return Buffer.compare(own, theirs) === 0
    ? undefined
    : { kind: 'state', differences: aFirst.differences(own, theirs) };
}

/** `undefined` where the machine names no keys. */
function shareKeys(
  machine: StateMachine,
  a: OrderingRequest,
  b: OrderingRequest,
): boolean | undefined {
  const keys = machine.keysOf?.(a);
  if (!keys) return undefined;
  return machine.keysOf?.(b).some((key) => keys.includes(key));
}

/** Each as a batch of its own, as an engine hands them in. */
function applied(machine: StateMachine, requests: readonly OrderingRequest[]): Uint8Array {
  for (const [index, request] of requests.entries()) machine.apply(index + 1, [request]);
  return new Uint8Array(Buffer.concat(machine.snapshot()));
}
