import { signatureBytesMax } from '../kernel/batch.js';
import { limits } from '../kernel/codec/limits.js';
import { passingsOnMax } from './invitation.js';

const { replicas, participants, addressBytes } = limits;

/** The largest `f + 1`: `n` is at least `3f + 1`. */
const oneCorrectMost = Math.floor((replicas - 1) / 3) + 1;

// Texts with their length, each as long as its form in `kernel/ids.ts` lets it be.
const name = 2 + 63;
const client = name + 5;
const enlistmentId = 2 + 127;

/** How many there are in a list. */
const count = 2;
const tid = 16;
const signature = signatureBytesMax;
/** Domain, kind and cluster, which every signed text begins with. */
const header = 12 + name;

function signed(content: number): number {
  return 4 + header + content + signature;
}

// Slot, ballot, digest, result.
const phaseOfActivation = 33 + 12 + 32 + tid + 32;
const phaseOfOutcome = 17 + 12 + 32 + 1;

function certificate(phase: number): number {
  return 4 + header + phase + count + replicas * (2 + signature);
}

const enlistment = tid + name + enlistmentId;
const invitation = tid + name + 1;

/** Of `f + 1` initiators, or of a participant that they invited, and so on. */
function invitations(passingsOn: number): number {
  if (passingsOn === 0) return count + oneCorrectMost * signed(invitation + 1 + 2 + count);
  return count + signed(invitation + 1 + name + invitations(passingsOn - 1));
}

const request = signed(client + 8 + 32 + 8 + 2);
const proposal = signed(33 + 8 + 16 + 2);
const registration = signed(enlistment + 1 + 2 + addressBytes + invitations(passingsOnMax));
const vote = signed(enlistment + 1);
const completion = signed(tid + 1 + 2);

/**
 * What the largest of each thing that verifies comes to, in bytes, each made of what it holds. So whatever a
 * replica accepts, it can store, prove and send again: all of these are far below
 * `limits.peerMessageBytes`, and what a view change carries has its share of that.
 */
export const sizeLimits = {
  /** With its invitations: the largest of what participants and initiators sign. */
  registration: registration,
  activationValue: 1 + count + replicas * request + count + replicas * proposal,
  outcomeValue:
    1 + tid + 2 + count + participants * (registration + 1 + vote) + count + replicas * completion,
  /** What Commit, Rollback and the answer to an activation carry. */
  commitCertificate: certificate(phaseOfActivation),
} as const;

/** A lock: pre-prepare, prepares, value. */
export const preparedCertificateBytesMax =
  signed(phaseOfOutcome) + certificate(phaseOfOutcome) + sizeLimits.outcomeValue;

/** As a file, in the store, and on its way to a replica that missed the decision. */
export const decisionProofBytesMax = 8 + certificate(phaseOfOutcome) + sizeLimits.outcomeValue;

/** What a view change has besides its locks. */
export const viewChangeHeadBytesMax = header + 8 + count;

/** A new view fills half a message at the most: its receiver checks all that is in it at once. */
export const newViewBytesMax = limits.peerMessageBytes / 2;

/**
 * Bytes of one replica's view change, so that a new view can hold those of all `n`. A lock that does not
 * fit is handed to the new primary in a message of its own.
 */
export function viewChangeBytesMax(n: number): number {
  return Math.floor((newViewBytesMax - signed(8 + count)) / n) - (2 + 4 + signature);
}
