import {
  clusterFile,
  newKey,
  pause,
  proofOf,
  Refused,
  standing,
  transfer,
  watch,
} from './front-door.js';
import { minorUnits } from './money.js';
import { checkProof, saidReason } from './proof.js';
import { byId, download, element, Steps, showProof, showText } from './view.js';

let cluster;
/** The proof that is shown: `{ name, bytes }`. */
let proof;

function problem(error) {
  showText('problem', error.message);
}

/** Does what a person asked for, one at a time, and says what went wrong if it did. */
async function run(work) {
  showText('problem');
  byId('send').disabled = true;
  try {
    await work();
  } catch (error) {
    problem(error);
  } finally {
    byId('send').disabled = cluster === undefined;
  }
}

function textOf(id) {
  return byId(id).value.trim();
}

function orderOf() {
  const currency = textOf('currency');
  const amountMinor = minorUnits(textOf('amount'), currency);
  const account = (side) => ({ bank: textOf(`${side}-bank`), account: textOf(`${side}-account`) });
  return { from: account('from'), to: [{ ...account('to'), amountMinor }], currency };
}

function showOutcome(state, text) {
  byId('outcome').dataset.state = state;
  byId('outcome').textContent = text;
}

/** Makes room for another transfer. */
function begin(text, isLive) {
  showText('reason');
  showText('transaction');
  byId('proof').hidden = true;
  proof = undefined;
  showOutcome('open', text);
  return new Steps(isLive);
}

async function send() {
  const order = orderOf();
  const key = newKey();
  // Whoever loads the page again finds the same transfer, and does not make another.
  history.replaceState(null, '', `#${key}`);
  const steps = begin('Under way…', true);
  steps.show('sent', 'seen', `to this front door, under the key ${key}`);
  const answered = new AbortController();
  void follow(steps, key, answered.signal);
  try {
    const silent = () => showOutcome('open', 'The front door does not answer. Trying again…');
    const result = await transfer(key, order, silent);
    answered.abort();
    if (result !== undefined) {
      showTicket(steps, await standing(key));
      return await showResult(steps, result);
    }
    showOutcome('open', 'The outcome is not known yet. Asking on…');
    await recall(steps, key);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showRefusal(steps, error.code, error.message);
  } finally {
    answered.abort();
  }
}

/** Shows what becomes known while the transfer is under way. */
async function follow(steps, key, signal) {
  await pause(300);
  for await (const known of watch(key, signal)) showTicket(steps, known);
}

function showTicket(steps, { client, timestamp }) {
  if (client === undefined) return;
  steps.show('taken', 'said', `to the initiators, as the request ${client}@${timestamp}`);
}

/** Waits for the outcome of a request that was sent before. */
async function recall(steps, key) {
  for await (const known of watch(key)) {
    showTicket(steps, known);
    if (known.state === 'committed' || known.state === 'aborted') {
      return showResult(steps, known);
    }
    if (known.state === 'refused' || known.state === 'too-old') {
      return showRefusal(steps, known.state, known.reason);
    }
    if (known.state === 'unknown, not executed') {
      return showRefusal(steps, 'not-executed', 'the front door knows no request of this key');
    }
  }
}

const refusals = {
  busy: 'Not sent: the front door is busy. Try again later.',
  refused: 'Refused: nothing was done.',
  'too-old': 'The outcome cannot be known any more: look at the accounts.',
  'not-executed': 'Not executed.',
};

function showRefusal(steps, code, reason) {
  showOutcome('refused', refusals[code] ?? 'Not taken: nothing was done.');
  showText('reason', reason);
  steps.end('not known');
}

async function showResult(steps, { transactionId, outcome, reason }) {
  const words = { committed: 'Committed', aborted: 'Aborted, no money was moved' };
  showOutcome(outcome, `${words[outcome]}, says the front door. Verifying…`);
  showText('reason', reason && `Reason, as the initiators give it: ${saidReason(reason)}.`);
  showText('transaction', `Transaction ${transactionId}`);
  steps.show('activated', 'said', `transaction ${transactionId}`);
  const verdict = await verified({ transactionId, outcome });
  byId('proof').hidden = false;
  byId('proved').hidden = verdict.fact === undefined;
  if (verdict.fact === undefined) {
    byId('verdict').dataset.state = 'refused';
    byId('verdict').textContent = verdict.words;
    showOutcome('unproved', `${words[outcome]}, says the front door. That is not proved.`);
    return steps.end('not proved');
  }
  byId('verdict').dataset.state = 'verified';
  byId('verdict').textContent = 'Verified in this browser by the keys in cluster.json.';
  showOutcome(outcome, `${words[outcome]}: verified.`);
  steps.proved(verdict.fact);
  steps.end('not known');
  showProof(cluster, verdict.fact);
}

/** Fetches and checks a proof: `{ fact }`, or `{ words }` that say why there is none. */
async function verified(result) {
  let bytes;
  try {
    bytes = await proofOf(result.transactionId);
  } catch (error) {
    return { words: `No proof: ${error.message}` };
  }
  const { fact, fault } = checkProof(cluster, bytes, result);
  if (fact === undefined) return { words: `Refused: the proof does not hold: ${fault}.` };
  proof = { name: `${result.transactionId}.proof`, bytes };
  return { fact };
}

async function connect() {
  cluster = await clusterFile();
  const banks = cluster.participants.map(({ id }) => id);
  for (const [index, side] of ['from-bank', 'to-bank'].entries()) {
    const options = banks.map((id) => element('option', { value: id }, id));
    byId(side).replaceChildren(...options);
    byId(side).value = banks[Math.min(index, banks.length - 1)] ?? '';
  }
  const { id, coordinators, f } = cluster;
  byId('cluster').textContent =
    `Cluster ${id}: ${coordinators.length} coordinators, of which ${f} may lie.`;
  const key = decodeURIComponent(location.hash.slice(1));
  if (key === '') return;
  const steps = begin('Looking for your transfer…', false);
  steps.show('sent', 'seen', `to this front door, under the key ${key}`);
  await recall(steps, key);
}

byId('order').addEventListener('submit', (event) => {
  event.preventDefault();
  run(send);
});
byId('download').addEventListener('click', () => download(proof.name, proof.bytes));
run(connect);
