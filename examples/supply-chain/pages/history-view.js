import { sha256 } from './bytes.js';
import { element } from './dom.js';
import { factsOf } from './words.js';

/** A package's history: its entries, and whether the chain of hashes holds. */

/** Recomputes each hash; gives what is wrong, entry by entry. */
export async function checkChain({ package: id, history }) {
  let previous = '0'.repeat(64);
  const faults = [];
  for (const entry of history) {
    const { owner, session, sequence, record } = entry;
    const fields = [id, previous, owner, session, sequence, record];
    const hash = await sha256(['concordat/1 supply-chain entry', ...fields].join('\n'));
    faults.push(entry.previous === previous && entry.hash === hash ? undefined : 'does not fit');
    previous = entry.hash;
  }
  return faults;
}

/** The history as a list, the oldest first; of one whose proof does not hold, nothing but that. */
export async function historyView({ standing, value, words }) {
  const proof = element('p', { id: 'proof-verdict', className: `verdict ${standing}` }, words);
  return standing === 'refused' ? [proof] : [proof, ...(await chainView(JSON.parse(value)))];
}

async function chainView(value) {
  const faults = await checkChain(value);
  const whole = faults.every((fault) => fault === undefined);
  const verdict = whole
    ? `All ${faults.length} hashes recomputed here: the chain holds.`
    : 'The chain of hashes does not hold. Do not trust this history.';
  return [
    element(
      'p',
      { id: 'chain-verdict', className: whole ? 'verdict verified' : 'verdict refused' },
      verdict,
    ),
    element(
      'ol',
      { className: 'chain' },
      ...value.history.map((entry, index) => linkOf(entry, faults[index])),
    ),
  ];
}

function linkOf({ record, owner, session, sequence, previous, hash }, fault) {
  const { do: kind, at, ...said } = JSON.parse(record);
  const who = `by ${owner}, session ${session.slice(0, 8)}, operation ${sequence}`;
  return element(
    'li',
    { className: fault === undefined ? 'link' : 'link bad' },
    element('strong', {}, kind),
    element('span', { className: 'facts' }, factsOf(said)),
    element('span', { className: 'who' }, at === undefined ? who : `${who}, at ${localTime(at)}`),
    element(
      'code',
      { title: `${previous} → ${hash}` },
      `${previous.slice(0, 10)}… → ${hash.slice(0, 10)}…`,
    ),
    fault === undefined ? '' : element('em', {}, fault),
  );
}

function localTime(at) {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : time.toLocaleTimeString();
}
