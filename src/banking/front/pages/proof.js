import { faultText, verifyOutcomeProof } from './verify.js';

const outcomes = { commit: 'committed', abort: 'aborted' };

/**
 * Verifies that the bytes prove this outcome of this transaction: `{ fact }`, or `{ fault }` in words. Nothing
 * that the front door says counts here but the cluster's keys.
 */
export function checkProof(cluster, bytes, { transactionId, outcome }) {
  let checked;
  try {
    checked = verifyOutcomeProof(cluster, bytes);
  } catch (error) {
    return { fault: `the cluster's file cannot be used: ${error.message}` };
  }
  if (!checked.ok) return { fault: faultText(checked.error) };
  const fact = checked.value;
  if (fact.kind !== 'outcome' || fact.transactionId !== transactionId) {
    return { fault: 'it is the proof of something else' };
  }
  if (outcomes[fact.outcome] !== outcome) {
    return { fault: `it proves that the transaction ${outcomes[fact.outcome]}` };
  }
  return { fact };
}

const reasons = {
  vote: 'a participant did not vote to commit',
  rollback: 'the initiators asked to roll it back',
  timeout: 'time ran out',
};

/** Why a transaction was aborted, by its proof. */
export function provedReason({ reason }) {
  return reason && reasons[reason];
}

/** The banks' faults (`wsdl/banking.xsd`). */
const faults = {
  InsufficientFunds: 'the account does not hold the amount',
  UnknownAccount: 'the bank has no such account',
  CurrencyMismatch: 'the account is kept in another currency',
};

/** Why a transaction was aborted, as the initiators say. Not proved. */
export function saidReason(reason) {
  const words = faults[reason];
  return words === undefined ? reason : `${words} (${reason})`;
}

const votes = {
  prepared: 'prepared: ready to commit',
  readOnly: 'read only: has nothing to commit',
  aborted: 'aborted: will not commit',
};

export function voteWords(vote) {
  return vote === undefined ? 'no vote in the proof' : votes[vote];
}
