import { faultText, verifyOutcomeProof, verifySessionProof } from './verify.js';

/** Checks what nodes prove, by the cluster's public file: no node is believed here. */

/** The cluster's public keys. Throws `Error` where the text is not the file of this cluster. */
export function readClusterFile(text, cluster) {
  let keys;
  try {
    keys = JSON.parse(text);
    // Whether its keys can be used: nothing is what this proves.
    verifyOutcomeProof(keys, new Uint8Array());
  } catch {
    throw new Error('This is not the public file of a cluster (cluster.json).');
  }
  if (cluster !== undefined && keys.id !== cluster)
    throw new Error(`This is the file of another cluster, ${keys.id}.`);
  return keys;
}

/** Whether the proof is of the key of the application's state: `{ standing, words }`, and the proved value. */
export function checkState(keys, proof, { application, key }) {
  return verdictOf(verifySessionProof(keys, proof), (fact) =>
    fact.kind === 'state' && fact.application === application && fact.key === key
      ? undefined
      : 'it is the proof of something else',
  );
}

/** Whether a final operation of the session is proved to have come to what the node says. */
export function checkOperation(keys, session, { sequence, head, status }) {
  return verdictOf(verifySessionProof(keys, status.proof), (fact) =>
    fact.kind === 'operation' &&
    fact.session === session &&
    fact.sequence === sequence &&
    fact.head === head &&
    ['kind', 'result', 'reason'].every((field) => fact.result[field] === status.result[field])
      ? undefined
      : 'it is the proof of something else',
  );
}

function verdictOf(checked, faultOf) {
  const fault = checked.ok ? faultOf(checked.value) : faultText(checked.error);
  if (fault !== undefined) {
    return { standing: 'refused', words: `The proof does not hold: ${fault}.` };
  }
  const { value, coordinators } = checked.value;
  const words = `Proof verified here: signed by coordinators ${coordinators.join(', ')}.`;
  return { standing: 'verified', value, words };
}
