import { placesMax } from '../../src/agreement/invitation.js';
import type { OutcomeValue, PreparedCertificate } from '../../src/agreement/messages.js';
import type { RegistrationStatement } from '../../src/agreement/statements.js';
import { batchLeavesMax } from '../../src/kernel/batch.js';
import { enlistmentsMax, limits } from '../../src/kernel/codec/limits.js';
import {
  clientId,
  enlistmentId,
  initiatorId,
  participantId,
  transactionId,
} from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import { signingInBatches } from './batches.js';
import { Evidence, upTo } from './evidence.js';
import { invitationsOf, passedOn } from './invitations.js';
import { testCluster } from './keys.js';

/** A name of 63 characters. */
const long = (start: string) => start.padEnd(63, 'x');
const hosts = upTo(enlistmentsMax / placesMax).map((index) => participantId(long(`host-${index}`)));
const between = participantId(long('between'));
const guest = participantId(long('guest'));

/** As many replicas as there may be, all names as long as they may be, and every signature is of a full batch. */
export const largestParties = signingInBatches(
  testCluster({
    ...{ n: limits.replicas, f: 21, id: long('cluster') },
    participants: [...hosts, between, guest],
  }),
  batchLeavesMax,
  0,
);

export const largestClient = clientId(`${long('client')}/9999`);
export const evidence = new Evidence(largestParties);

/** Of a guest of a guest, who takes one of the host's places. */
function registration(
  tid: OutcomeValue['tid'],
  index: number,
  invitations: RegistrationStatement['invitations'],
) {
  const address = `http://guest.test/${'x'.repeat(limits.addressBytes - 18)}`;
  return evidence.registration(guest, {
    tid,
    enlistment: enlistmentOf(index),
    address,
    invitations,
  });
}

function enlistmentOf(index: number) {
  return enlistmentId(`${guest}.${String(index).padStart(63, '0')}`);
}

/** The longest registrations, as many as a transaction may have. */
export function largestRegistrations(tid = evidence.tid): Signed<RegistrationStatement>[] {
  const byHost = hosts.map((participant) => {
    const invited = { tid, participant, places: placesMax };
    const invitations = invitationsOf(largestParties, invited);
    const first = passedOn(largestParties, { ...invited, invitations }, between);
    const host = { tid, participant: between, invitations: [first] };
    return [passedOn(largestParties, host, guest)];
  });
  return upTo(enlistmentsMax).map((index) =>
    registration(tid, index, byHost[index % byHost.length] ?? []),
  );
}

/** A commit with all of them. `initiators`: so many have asked for it. */
export function largestOutcome(initiators: number, tid = evidence.tid): OutcomeValue {
  return evidence.commitValue({
    tid,
    records: largestRegistrations(tid).map((signed) => ({
      registration: signed,
      vote: evidence.vote(guest, 'prepared', { tid, enlistment: signed.statement.enlistment }),
    })),
    completion: upTo(initiators).map((index) =>
      // The cluster has fewer initiators than a message may name; whoever signs, it is as long.
      evidence.completion(index % largestParties.cluster.initiators.length, {
        ...{ tid, initiator: initiatorId(index) },
      }),
    ),
  });
}

/** With the signatures of all backups. */
export function largestLock(value: OutcomeValue): PreparedCertificate {
  const lock = evidence.prepared(value);
  const backups = upTo(limits.replicas).slice(1);
  return { ...lock, prepares: evidence.certificate(lock.prepares.statement, backups) };
}

/** The smallest outcome: nobody takes part, and the time has run out. */
export function smallLock(index: number, of = evidence): PreparedCertificate {
  const tid = transactionId(`00000000-0000-8000-8000-${String(index).padStart(12, '0')}`);
  return of.prepared({
    kind: 'outcome',
    tid,
    outcome: 'abort',
    reason: 'timeout',
    records: [],
    completion: [],
  });
}

export { evidence as largestEvidence };
