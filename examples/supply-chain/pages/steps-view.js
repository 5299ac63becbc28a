import { byId, element } from './dom.js';
import { duration, factsOf, statusWords, titleOf } from './words.js';

/** The list of steps, each with where it stands. */

const rows = new Map();

/** Shows an operation as it stands now. */
export function showOperation(operation) {
  const row = rowOf(operation);
  const old = rows.get(operation);
  if (old === undefined) byId('steps').prepend(row);
  else old.replaceWith(row);
  rows.set(operation, row);
  byId('no-steps').hidden = true;
  byId('summary').textContent = summary();
  const { kind } = operation.status;
  if (kind !== 'asked') {
    byId('announcements').textContent = `${titleOf(operation)}: ${statusWords[kind]}`;
  }
}

/** Forgets the steps of a session before. */
export function clearOperations() {
  for (const row of rows.values()) row.remove();
  rows.clear();
  byId('summary').textContent = '';
}

function rowOf(operation) {
  const { sequence, status, doubted, times, seen, verdict } = operation;
  const { kind } = status;
  const unproved = verdict?.standing === 'refused';
  const bad =
    unproved || status.result?.kind === 'rejected' || kind === 'refused' || kind === 'changed';
  const isDoubted = doubted && (kind === 'provisional' || kind === 'witnessed');
  return element(
    'li',
    {
      className: bad ? 'step bad' : 'step',
      'data-sequence': sequence,
      'data-kind': kind,
      'data-seen': seen.join(' '),
    },
    element('span', { className: 'sequence' }, String(sequence)),
    element(
      'div',
      {},
      element('strong', {}, titleOf(operation)),
      element('p', { className: 'told' }, told(status)),
      isDoubted
        ? element('p', { className: 'doubt' }, 'Another node saw it differently; wait for the end.')
        : '',
      verdict && element('p', { className: `verdict ${verdict.standing}` }, verdict.words),
      element('p', { className: 'times' }, ...timesOf(times)),
    ),
    element('span', { className: `badge ${kind}` }, statusWords[kind]),
  );
}

function told(status) {
  const { kind, result, simulated } = status;
  if (kind === 'asked') return 'On its way…';
  if (kind === 'refused') return `No node takes it: ${status.reason}`;
  const now = resultText(result);
  const first = simulated === undefined ? now : resultText(simulated);
  if (kind === 'aborted' && now === first) return `Not done, as foretold: ${result.reason}`;
  if (kind === 'aborted') return `Not done: ${result.reason}. At first it looked like: ${first}`;
  return kind === 'changed' ? `${now}. At first it looked like: ${first}` : now;
}

function resultText({ kind, result, reason }) {
  if (kind === 'rejected') return `rejected: ${reason}`;
  try {
    return factsOf(JSON.parse(result)) || 'done';
  } catch {
    return result || 'done';
  }
}

function timesOf(times) {
  return Object.entries(times).map(([kind, ms]) => {
    const word = kind === 'provisional' || kind === 'witnessed' ? kind : 'final';
    return element(
      'span',
      { 'data-time': word, 'data-ms': ms.toFixed(1) },
      `${word} ${duration(ms)}`,
    );
  });
}

function summary() {
  const times = [...rows.keys()].map((operation) => operation.times);
  const answered = times.flatMap(({ provisional }) => provisional ?? []);
  const final = times.flatMap(
    ({ committed, changed, aborted }) => committed ?? changed ?? aborted ?? [],
  );
  if (answered.length === 0) return '';
  const first = `Answered in ${duration(median(answered))}`;
  const last = final.length > 0 ? `, final after ${duration(median(final))}` : '';
  return `${first}${last} (medians).`;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
