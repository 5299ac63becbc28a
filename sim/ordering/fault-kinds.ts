import { type FaultKind, faultKinds } from '../faults/fault-kinds.js';

/** A replica that has lost its disk has lost its word: none may lose it here. */
const isOfOrdering = (kind: FaultKind): kind is Exclude<FaultKind, 'disk-loss'> =>
  kind !== 'disk-loss';

export const orderingFaults = [...faultKinds.filter(isOfOrdering), 'slow-replica'] as const;
export type OrderingFault = (typeof orderingFaults)[number];
