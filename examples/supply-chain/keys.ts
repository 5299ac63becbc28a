/** Whatever is over is rejected. */
export const supplyChainLimits = {
  /** That one owner registers. */
  suppliersOfOwner: 100,
  entriesOfPackage: 64,
  /** Sessions at work of one owner; a further one takes the place of the oldest. */
  sessionsOfOwner: 64,
} as const;

/** Where things stand in the state. */
export const keys = {
  /** How many suppliers the owner has registered. */
  suppliersOf: (owner: string) => `suppliers-of/${owner}`,
  supplier: (name: string) => `supplier/${name}`,
  /** The package's whole history, so that one proof shows all of it. */
  package: (id: string) => `package/${id}`,
  /** The last hash of a history that is not kept here any more. */
  archived: (id: string) => `archived/${id}`,
  label: (courier: string, label: string) => `label/${courier}/${label}`,
  operator: (owner: string) => `operator/${owner}`,
};
