/** What the front door answers. */

const pauseMs = 700;
const proofTries = 6;
/** What is known of a request that has come to its end. */
const ended = ['committed', 'aborted', 'refused', 'too-old'];

export class Refused extends Error {
  /** `problem` is the answer's body (RFC 9457). */
  constructor(problem, status) {
    super(problem.detail ?? problem.message ?? `The front door answers ${status}.`);
    this.code = problem.code ?? problem.error;
  }
}

/** A key that no other request has; also where the page has no secure context. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The cluster's public file. Throws `Refused`, or `TypeError` where nobody answers. */
export async function clusterFile() {
  const response = await fetch('cluster.json');
  const body = await jsonOf(response);
  if (!response.ok) throw new Refused(body, response.status);
  return body;
}

/**
 * Makes a transfer, once however often it is sent: under one key it is the same. Resolves with its outcome, or
 * with `undefined` where that is not known yet. Throws `Refused`.
 */
export async function transfer(key, order, onSilence) {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  const request = { method: 'POST', headers, body: JSON.stringify(order) };
  for (;;) {
    const response = await fetch('transfers', request).catch(onSilence);
    if (response === undefined) {
      await pause(2 * pauseMs);
      continue;
    }
    const body = await jsonOf(response);
    if (response.ok) return body;
    if (body.code === 'outcome-unknown') return undefined;
    throw new Refused(body, response.status);
  }
}

/** What is known of a request: `{ state, client, timestamp, … }`, `{ state: 'silent' }` where nobody answers. */
export async function standing(key) {
  try {
    return await jsonOf(await fetch(`outcome?key=${encodeURIComponent(key)}`));
  } catch {
    return { state: 'silent' };
  }
}

/** Gives what is known of a request, again and again, until it has ended or the signal says so. */
export async function* watch(key, signal) {
  while (!signal?.aborted) {
    const known = await standing(key);
    if (signal?.aborted) return;
    yield known;
    if (ended.includes(known.state) || known.state === 'unknown, not executed') return;
    await pause(pauseMs);
  }
}

/** The bytes of a proof. Throws `Refused` where no coordinator gives one. */
export async function proofOf(transactionId) {
  for (let tries = 1; ; tries++) {
    const response = await fetch(`proof/${transactionId}`);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    const refused = new Refused(await jsonOf(response), response.status);
    if (tries === proofTries) throw refused;
    await pause(pauseMs);
  }
}

async function jsonOf(response) {
  return response.json().catch(() => ({}));
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
