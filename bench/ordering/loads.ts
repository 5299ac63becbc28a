import type { LoadSettings } from './processes/control.js';

/** `processes` in the JSON is the best that each engine does under one of these. */
export const peakLoads: readonly LoadSettings[] = [6400, 1600, 400].map((clients) => ({
  clients,
  requestBytes: 0,
  sign: false,
}));

/** As an owner signs a run of a session's operations, of at most 64. */
const bySession: LoadSettings = { clients: 1600, requestBytes: 32, sign: true, operations: 16 };

/** Loads of one kind share processes: what one kind leaves in memory and on disk does not slow the next. */
export type Kinds = readonly (readonly LoadSettings[])[];

export const usualKinds: Kinds = [
  [...peakLoads, { clients: 1, requestBytes: 0, sign: false }],
  [500, 1024].map((requestBytes) => ({ clients: 6400, requestBytes, sign: false })),
  [
    ...[0, 500, 1024].map((requestBytes) => ({ clients: 1600, requestBytes, sign: true })),
    bySession,
  ],
];

/** Every number of clients with every size, signed and not. */
export const gridKinds: Kinds = [false, true].flatMap((sign) =>
  [0, 500, 1024].map((requestBytes) =>
    [6400, 400, 1].map((clients) => ({ clients, requestBytes, sign })),
  ),
);
