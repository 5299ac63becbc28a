import { provedReason, voteWords } from './proof.js';

export function byId(id) {
  return document.getElementById(id);
}

/** Makes an element. Texts become text nodes: nothing that a node says is ever read as markup. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Shows a text, or hides the place where it would be. */
export function showText(id, text) {
  byId(id).textContent = text ?? '';
  byId(id).hidden = !text;
}

const steps = [
  ['sent', 'Sent'],
  ['taken', 'Signed and sent on'],
  ['activated', 'Activated'],
  ['called', 'Participants called'],
  ['voted', 'Voted'],
  ['decided', 'Decided'],
];

/** The steps of one transfer; of each only what is known is shown. */
export class Steps {
  #begunAt = performance.now();
  #isLive;

  /** `isLive` where the page sent the transfer itself, just now. */
  constructor(isLive) {
    this.#isLive = isLive;
    const rows = steps.map(([id, title]) => {
      const row = element(
        'li',
        {},
        element('strong', {}, title),
        element('p', {}, 'not known yet'),
      );
      row.dataset.step = id;
      row.dataset.state = 'waiting';
      return row;
    });
    byId('steps').replaceChildren(...rows);
  }

  /** `state` is `seen` by this page, `said` by the front door, `proved`, or `unknown` for good. */
  show(id, state, text) {
    const row = byId('steps').querySelector(`[data-step="${id}"]`);
    const isNew = row.dataset.state === 'waiting';
    row.dataset.state = state;
    row.querySelector('p').textContent = text;
    if (isNew && this.#isLive && state === 'said') {
      const seconds = ((performance.now() - this.#begunAt) / 1000).toFixed(1);
      row.append(element('span', { className: 'time' }, `seen after ${seconds} s`));
    }
  }

  /** What has not become known, will not. */
  end(text) {
    for (const row of byId('steps').querySelectorAll('[data-state="waiting"]')) {
      this.show(row.dataset.step, 'unknown', text);
    }
  }

  proved({ transactionId, participants, coordinators, outcome, reason }) {
    const called = [...new Set(participants.map(({ participant }) => participant))];
    const voted = participants.filter(({ vote }) => vote !== undefined);
    this.show('activated', 'proved', `transaction ${transactionId}`);
    this.show('called', 'proved', called.join(', ') || 'none takes part');
    const words = voted.map(({ participant, vote }) => `${participant}: ${vote}`);
    if (words.length > 0) this.show('voted', 'proved', words.join(', '));
    else this.show('voted', 'unknown', 'the proof has no votes, and needs none');
    const why = provedReason({ reason });
    const decision = why === undefined ? outcome : `${outcome}, as ${why}`;
    this.show(
      'decided',
      'proved',
      `${decision}; signed by coordinators ${coordinators.join(', ')}`,
    );
  }
}

/** What a proof that holds says. */
export function showProof(cluster, { transactionId, participants, coordinators }) {
  const rows = participants.map(({ participant, vote, enlistment }) =>
    element(
      'tr',
      {},
      element('td', {}, participant),
      element('td', {}, voteWords(vote)),
      element('td', {}, element('code', {}, enlistment)),
    ),
  );
  byId('votes').replaceChildren(...rows);
  const signatures = coordinators.map((id) => {
    const { name, statementKey } = cluster.coordinators[id];
    return element('li', {}, `${name}, key `, element('code', {}, statementKey));
  });
  byId('signatures').replaceChildren(...signatures);
  byId('command').textContent = `concordat verify ${transactionId}.proof --cluster cluster.json`;
}

/** Hands the browser a file to keep. */
export function download(name, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
