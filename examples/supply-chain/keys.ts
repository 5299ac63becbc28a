/** Whatever is over is rejected. */
export const supplyChainLimits = {
  suppliers: 100,
  packagesOfSupplier: 10_000,
  entriesOfPackage: 64,
  /** Sessions at work of one owner; a further one takes the place of the oldest. */
  sessionsOfOwner: 64,
} as const;

/** Where things stand in the state. */
export const keys = {
  suppliers: 'suppliers',
  supplier: (name: string) => `supplier/${name}`,
  packagesOf: (supplier: string) => `packages-of/${supplier}`,
  /** The package's whole history, so that one proof shows all of it. */
  package: (id: string) => `package/${id}`,
  label: (courier: string, label: string) => `label/${courier}/${label}`,
  operator: (owner: string) => `operator/${owner}`,
};
