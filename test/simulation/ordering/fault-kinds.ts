import { faultKinds } from '../faults/fault-kinds.js';

export const orderingFaults = [...faultKinds, 'slow-replica', 'lone-votes'] as const;
export type OrderingFault = (typeof orderingFaults)[number];
