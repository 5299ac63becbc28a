import * as homes from './homes.js';
import type { SessionBehaviourMaker } from './liar.js';
import * as peers from './peers.js';

export const homeLies = {
  'promise-without-proposing': homes.promiseWithoutProposing,
  'equivocate-receipts': homes.equivocateReceipts,
  'wrong-results': homes.wrongResults,
  'wrong-finals': homes.wrongFinals,
  'silent-home': homes.silentHome,
  'deaf-home': homes.deafHome,
  'withhold-runs': homes.withholdRuns,
} satisfies Record<string, SessionBehaviourMaker>;

export const peerLies = {
  'false-witness': peers.falseWitness,
  'silent-witness': peers.silentWitness,
  'false-histories': peers.falseHistories,
  'withheld-certificates': peers.withheldCertificates,
  'false-orders': peers.falseOrders,
  'false-order-reports': peers.falseOrderReports,
  'false-attestations': peers.falseAttestations,
  'false-finals': peers.falseFinals,
  'repeat-old': peers.repeatOld,
  'never-show': peers.neverShow,
} satisfies Record<string, SessionBehaviourMaker>;

/** Every way to misbehave, by its name in plans and in the coverage. */
export const sessionLies = { ...homeLies, ...peerLies };

export type SessionLie = keyof typeof sessionLies;
