import * as clients from './clients.js';
import * as initiators from './initiators.js';
import type { BehaviourMaker } from './liar.js';
import * as participants from './participants.js';
import * as bonds from './replica-bonds.js';
import * as proposals from './replica-proposals.js';
import * as revivals from './replica-revivals.js';
import * as service from './replica-service.js';
import * as uuids from './replica-uuids.js';
import * as views from './replica-views.js';
import * as votes from './replica-votes.js';

export const coordinatorBehaviours = {
  'silent-to-some': service.silentToSome,
  'withhold-kinds': service.withholdKinds,
  'equivocate-outcomes': proposals.equivocateOutcomes,
  'equivocate-uuids': uuids.equivocateUuids,
  'equivocate-updates': uuids.equivocateUpdates,
  'equivocate-votes': votes.equivocateVotes,
  'equivocate-view-changes': views.equivocateViewChanges,
  'equivocate-new-views': views.equivocateNewViews,
  'vote-for-everything': votes.voteForEverything,
  'repeat-stale-messages': votes.repeatStaleMessages,
  'jump-ahead': views.jumpAhead,
  'mutate-a-little': votes.mutateALittle,
  'grind-uuid': uuids.grindUuid,
  'bare-aborts': proposals.bareAborts,
  'withhold-records': proposals.withholdRecords,
  'invent-records': proposals.inventRecords,
  'replay-records': proposals.replayRecords,
  'false-notices': service.falseNotices,
  'false-acknowledgements': service.falseAcknowledgements,
  'deny-knowledge': service.denyKnowledge,
  'flood-peers': service.floodPeers,
  amnesia: service.amnesia,
  revive: revivals.revive,
  'false-inventories': revivals.falseInventories,
  'deny-late': revivals.denyLate,
  'equivocate-first-attempts': bonds.equivocateFirstAttempts,
  'false-bonds': bonds.falseBonds,
  'false-witness': bonds.falseWitness,
} satisfies Record<string, BehaviourMaker>;

export const initiatorBehaviours = {
  'silent-initiator': service.silentToSome,
  'conflicting-completions': initiators.conflictingCompletions,
  'complete-at-once': initiators.completeAtOnce,
  'invent-requests': initiators.inventRequests,
  'alter-postings': initiators.alterPostings,
  'deceive-clients': initiators.deceiveClients,
} satisfies Record<string, BehaviourMaker>;

export const participantBehaviours = {
  'conflicting-votes': participants.conflictingVotes,
  'register-at-some': participants.registerAtSome,
  'vote-unasked': participants.voteUnasked,
  'break-promises': participants.breakPromises,
  'replay-statements': participants.replayStatements,
  'flood-enlistments': participants.floodEnlistments,
  'claim-done': participants.claimDone,
  'silent-bank': service.silentToSome,
  'never-acknowledge': participants.neverAcknowledge,
  'gate-crash': participants.gateCrash,
} satisfies Record<string, BehaviourMaker>;

export const clientBehaviours = {
  'equivocate-requests': clients.equivocateRequests,
  'ask-some': clients.askSome,
  hurry: clients.hurry,
} satisfies Record<string, BehaviourMaker>;

/** Every way to misbehave, by its name in plans and in the coverage. */
export const behaviourMakers = {
  ...coordinatorBehaviours,
  ...initiatorBehaviours,
  ...participantBehaviours,
  ...clientBehaviours,
};

export type LiarName = keyof typeof behaviourMakers;
