import * as costly from './costly.js';
import * as instances from './instances.js';
import type { BehaviourMaker } from './liar.js';
import * as primaries from './primaries.js';
import * as proposers from './proposers.js';
import * as reporters from './reporters.js';
import * as service from './service.js';
import * as twoStep from './two-step.js';

export const proposerLies = {
  'equivocate-values': proposers.equivocateValues,
  'many-values': proposers.manyValues,
  'withhold-values': proposers.withholdValues,
  'propose-to-one': proposers.proposeToOne,
  'silent-proposer': proposers.silentProposer,
  'late-proposer': proposers.lateProposer,
  'hidden-values': proposers.hiddenValues,
  'forge-requests': proposers.forgeRequests,
  'oversized-values': proposers.oversizedValues,
  'steal-requests': proposers.stealRequests,
  spin: proposers.spin,
  'endorse-anybody': proposers.endorseAnybody,
} satisfies Record<string, BehaviourMaker>;

export const reporterLies = {
  'equivocate-reports': reporters.equivocateReports,
  'phantom-reports': reporters.phantomReports,
  'reports-of-other-cycles': reporters.reportsOfOtherCycles,
  'miss-values': reporters.missValues,
  'empty-reports': reporters.emptyReports,
  'silent-reporter': reporters.silentReporter,
  'report-to-some': reporters.reportToSome,
  'late-reporter': reporters.lateReporter,
  'hasty-reports': reporters.hastyReports,
} satisfies Record<string, BehaviourMaker>;

export const instanceLies = {
  'equivocate-orders': instances.equivocateOrders,
  'order-to-one': instances.orderToOne,
  'withhold-dependencies': instances.withholdDependencies,
  'invent-dependencies': instances.inventDependencies,
  'skip-instances': instances.skipInstances,
  'barriers-only': instances.barriersOnly,
  'equivocate-replies': instances.equivocateReplies,
  'falsely-touched': instances.falselyTouched,
  'refuse-everything': instances.refuseEverything,
  'silent-replier': instances.silentReplier,
  'false-settlements': instances.falseSettlements,
  'mixed-replies': instances.mixedReplies,
  'flood-instances': instances.floodInstances,
  'cries-lost-instances': instances.criesLostInstances,
} satisfies Record<string, BehaviourMaker>;

export const primaryLies = {
  'equivocate-batches': primaries.equivocateBatches,
  'idle-primary': primaries.idlePrimary,
  'slow-primary': primaries.slowPrimary,
  'deaf-primary': primaries.deafPrimary,
  'commands-without-values': primaries.commandsWithoutValues,
  'stale-views': primaries.staleViews,
  'vote-for-everything': primaries.voteForEverything,
  'equivocate-votes': primaries.equivocateVotes,
  'forget-prepared': primaries.forgetPrepared,
  'hasty-view-changes': primaries.hastyViewChanges,
  'equivocate-new-views': primaries.equivocateNewViews,
  'leave-one-out': primaries.leaveOneOut,
} satisfies Record<string, BehaviourMaker>;

export const serviceLies = {
  silent: service.silent,
  'silent-to-some': service.silentToSome,
  'away-and-back': service.awayAndBack,
  'rejoin-always': service.rejoinAlways,
  'false-status': service.falseStatus,
  'false-checkpoints': service.falseCheckpoints,
  'false-states': service.falseStates,
  'false-fast-decisions': service.falseFastDecisions,
  'flood-fetches': service.floodFetches,
  'repeat-stale': service.repeatStale,
  'slow-everything': service.slowEverything,
  'never-help': service.neverHelp,
  'cries-lost': service.criesLost,
} satisfies Record<string, BehaviourMaker>;

/** What hurts for as long as it is not noticed. */
export const costlyLies = {
  'barely-late': costly.barelyLate,
  'keep-from-one': costly.keepFromOne,
  'paced-primary': costly.pacedPrimary,
} satisfies Record<string, BehaviourMaker>;

/** What else there is where acknowledgements alone decide. */
export const twoStepLies = {
  'acknowledge-another': twoStep.acknowledgeAnother,
  'stale-acknowledgements': twoStep.staleAcknowledgements,
  'acknowledge-unproved': twoStep.acknowledgeUnproved,
  'mixed-certificates': twoStep.mixedCertificates,
  'equivocate-starts': twoStep.equivocateStarts,
  'false-confirmations': twoStep.falseConfirmations,
  'vote-to-one': twoStep.voteToOne,
  'hasty-two-step-views': twoStep.hastyTwoStepViews,
} satisfies Record<string, BehaviourMaker>;

/** What every engine with views has to bear; in some of the seeds only, so that the plans of others stay as they were. */
export const rareLies = {
  'stale-votes': primaries.staleVotes,
} satisfies Record<string, BehaviourMaker>;

/** Ways to misbehave that go with faults of all kinds. */
export const commonLies = { ...proposerLies, ...reporterLies, ...primaryLies, ...serviceLies };

/** Every way to misbehave that several engines know, or that ezBFT does. */
export const orderingLies = { ...commonLies, ...costlyLies, ...instanceLies };

/** Those of one engine too, by their names in plans and in the coverage. */
export const allLies = { ...orderingLies, ...twoStepLies, ...rareLies };

export type OrderingLie = keyof typeof allLies;
