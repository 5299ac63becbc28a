/** I has the transaction; V and D are its participants, in the order in which they register; P is the application. */
export const parties = ['P', 'I', 'V', 'D1', 'D2'] as const;
export type Party = (typeof parties)[number];
