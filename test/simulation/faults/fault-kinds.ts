/** What a seed may switch on. */
export const faultKinds = [
  'slow-links',
  'loss',
  'duplication',
  'reordering',
  'partition',
  'one-way-partition',
  'clock-drift',
  'crash',
  'crash-in-step',
  'crash-in-write',
  'power-loss',
  'pause',
  'slow-disk',
  'disk-loss',
  'absence',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Of the transactions' world, besides. */
export const transactionFaults = [...faultKinds, 'disk-damage'] as const;
export type TransactionFault = (typeof transactionFaults)[number];
