import {
  type ClientId,
  type EnlistmentId,
  type TransactionId,
  transactionId,
} from '../../../kernel/ids.js';

/**
 * The keys of what a coordinator replica stores, beside those of the agreement. A store of another version has the
 * same keys, so none of them changes.
 */

const REGISTRATION = 'registration/';
const FINISHED = 'finished/';
const FLOOR = 'floor/';

/** A registration that this replica has acknowledged. */
export function registrationKey(tid: TransactionId, enlistment: EnlistmentId): string {
  return `${REGISTRATION}${tid}/${enlistment}`;
}

export function isRegistrationKey(key: string): boolean {
  return key.startsWith(REGISTRATION);
}

/** A transaction that is over; the value is how many were over before it. */
export function finishedKey(tid: TransactionId): string {
  return `${FINISHED}${tid}`;
}

/** The transaction that is over; undefined where the key is of another kind. */
export function finishedUnder(key: string): TransactionId | undefined {
  return key.startsWith(FINISHED) ? transactionId(key.slice(FINISHED.length)) : undefined;
}

/** The time of an undecided transaction has run out at this replica. */
export function overdueKey(tid: TransactionId): string {
  return `overdue/${tid}`;
}

/** This replica has closed the undecided transaction to registrations (two steps). */
export function closedKey(tid: TransactionId): string {
  return `closed/${tid}`;
}

/** Two votes of one participant that contradict each other. */
export function evidenceKeys(
  tid: TransactionId,
  enlistment: EnlistmentId,
): { readonly first: string; readonly other: string } {
  const both = `evidence/${tid}/${enlistment}`;
  return { first: `${both}/first`, other: `${both}/other` };
}

/** The requests that show the floor of a client id. */
export function floorKey(client: ClientId): string {
  return `${FLOOR}${client}`;
}

export function isFloorKey(key: string): boolean {
  return key.startsWith(FLOOR);
}
